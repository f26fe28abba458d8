"""The protocol of `sync` as a small model, in which every order of steps is tried.

The model has one appointment, two processes at a time, a provider, and a few actions, faults and
deaths to spend. It is the protocol without the code: whoever changes the one changes the other, and
this one first. That each part is needed is shown by leaving it out.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

CREATE, UPDATE, DELETE = "create", "update", "delete"

ANNOUNCE = "a call is announced, and the known times are forgotten, before it is made"
DUE = "an action marks the meeting due in its own transaction"
FENCE = "only who still has the lease writes down what was heard"
LEAVE_CREATES = "who comes too late leaves an announced create to its maker"
PARTS = frozenset({ANNOUNCE, DUE, FENCE, LEAVE_CREATES})


class Process(NamedTuple):
    number: int
    step: str  # start, call, heard, lost
    operation: str = ""
    meeting: int = 0
    time: int = 0
    outcome: str = ""  # done, refused, unknown


class State(NamedTuple):
    actions: int
    faults: int
    deaths: int
    sleepy: bool  # a process may sleep so long that its lease is taken over
    status: str = "pending"
    time: int = 1
    meeting: int = 0  # the known one; 0 is none
    known_time: int = 0  # 0 is unknown
    lease: int = 0
    doing: str = ""
    due: bool = False
    said: int = 0  # how often the history says that a meeting may remain
    held: frozenset[tuple[int, int]] = frozenset()  # what the provider has: id and time
    processes: tuple[Process, ...] = ()
    born: int = 0

    @property
    def wanted(self) -> int:
        return self.time if self.status == "approved" else 0

    @property
    def gap(self) -> str:
        if not self.wanted:
            return DELETE if self.meeting else ""
        if not self.meeting:
            return CREATE
        return UPDATE if self.known_time != self.wanted else ""


def next_states(state: State, parts: frozenset[str]) -> Iterator[State]:
    if state.actions and len(state.processes) < 2:
        for acted in _actions(state, parts):
            born = state.born + 1
            processes = (*state.processes, Process(born, "start"))
            yield acted._replace(actions=state.actions - 1, born=born, processes=processes)
    for process in state.processes:
        if state.deaths and not _is_late_update(state, process):
            yield _with(state._replace(deaths=state.deaths - 1), process, None)
        yield from {"start": _start, "call": _call, "heard": _heard, "lost": _lost}[process.step](
            state, process, parts
        )


def _is_late_update(state: State, process: Process) -> bool:
    """An update made too late, by a process that dies before it can say so, is what no lease can
    prevent: looking at the provider finds it, nothing else.
    """
    done = process.step == "heard" and process.operation == UPDATE
    return done and state.lease != process.number


def _actions(state: State, parts: frozenset[str]) -> Iterator[State]:
    changed = state._replace(due=state.due or DUE in parts)
    if state.status == "pending":
        yield changed._replace(status="approved")
    if state.status == "approved":
        yield changed._replace(time=3 - state.time)
    if state.status != "cancelled":
        yield changed._replace(status="cancelled")
    if state.status != "pending":
        yield changed  # try again


def _with(state: State, process: Process, after: Process | None) -> State:
    others = tuple(one for one in state.processes if one.number != process.number)
    return state._replace(processes=(*others, after) if after else others)


def _start(state: State, process: Process, parts: frozenset[str]) -> Iterator[State]:
    alive = {one.number for one in state.processes}
    if state.lease in alive and not state.sleepy:
        yield _with(state, process, None)  # the holder will look again
        return
    said = state.said + (state.doing == CREATE)
    yield _look(state._replace(lease=process.number, said=said, doing=""), process, parts)


def _look(state: State, process: Process, parts: frozenset[str]) -> State:
    operation = state.gap
    if not operation:
        return _with(state._replace(lease=0, due=False), process, None)
    if ANNOUNCE in parts:
        state = state._replace(doing=operation, known_time=0)
    return _with(
        state,
        process,
        Process(process.number, "call", operation, state.meeting, state.wanted),
    )


def _call(state: State, process: Process, parts: frozenset[str]) -> Iterator[State]:
    held, born, meeting = state.held, state.born, process.meeting
    if process.operation == CREATE:
        meeting = born = state.born + 1
        held |= {(meeting, process.time)}
    elif process.operation == DELETE:
        held = frozenset(one for one in held if one[0] != meeting)
    elif any(one[0] == meeting for one in held):
        others = frozenset(one for one in held if one[0] != meeting)
        held = others | {(meeting, process.time)}
    written = state._replace(held=held, born=born)
    heard = process._replace(step="heard", meeting=meeting)
    yield _with(written, process, heard._replace(outcome="done"))
    if state.faults:
        for before in (written, state):
            before = before._replace(faults=state.faults - 1)
            yield _with(before, process, heard._replace(outcome="unknown"))
        before = state._replace(faults=state.faults - 1)
        yield _with(before, process, heard._replace(outcome="refused"))


def _heard(state: State, process: Process, parts: frozenset[str]) -> Iterator[State]:
    if FENCE in parts and state.lease != process.number:
        keeps = LEAVE_CREATES in parts and state.doing == CREATE
        late = state._replace(due=True, known_time=0, doing=CREATE if keeps else "")
        made = process.operation == CREATE and process.outcome == "done"
        yield _with(late, process, process._replace(step="lost") if made else None)
        return
    undisturbed = state.doing == process.operation or ANNOUNCE not in parts
    state = state._replace(doing="")
    if process.outcome == "done":
        gone = process.operation == DELETE
        state = state._replace(
            meeting=0 if gone else process.meeting,
            known_time=process.time if undisturbed and not gone else 0,
        )
        yield _look(state, process, parts)
        return
    if process.operation == CREATE and process.outcome == "unknown":
        state = state._replace(said=state.said + 1)
    tried = 0 if process.operation == DELETE else process.time
    if state.wanted != tried:
        yield _look(state, process, parts)
    else:
        yield _with(state._replace(lease=0), process, None)


def _lost(state: State, process: Process, parts: frozenset[str]) -> Iterator[State]:
    """Remove what was made too late, or fail to: who took over has said that it may remain."""
    held = frozenset(one for one in state.held if one[0] != process.meeting)
    yield _with(state._replace(held=held), process, None)
    if state.faults:
        yield _with(state._replace(faults=state.faults - 1), process, None)


def is_wrong(state: State) -> bool:
    """Whether appointment and meeting are apart, nobody is at work, and nobody is told."""
    if state.processes:
        return False
    leftovers = {meeting for meeting, _time in state.held} - {state.meeting}
    if len(leftovers) > state.said + (state.due and state.doing == CREATE):
        return True
    if state.due or state.lease:
        return False
    if not state.wanted:
        return state.meeting != 0
    return (state.meeting, state.wanted) not in state.held


def explore(start: State, parts: frozenset[str] = PARTS) -> tuple[int, State | None]:
    """How many states there are, and the first wrong one."""
    seen, to_do = {start}, [start]
    for state in to_do:  # it grows meanwhile: the nearest states first
        if is_wrong(state):
            return len(seen), state
        for following in next_states(state, parts):
            if following not in seen:
                seen.add(following)
                to_do.append(following)
    return len(seen), None


DEATHS = State(actions=4, faults=1, deaths=1, sleepy=False)
FAULTS = State(actions=3, faults=2, deaths=1, sleepy=False)
SLEEP = State(actions=4, faults=1, deaths=1, sleepy=True)


@pytest.mark.parametrize("start", [DEATHS, FAULTS, SLEEP], ids=["deaths", "faults", "sleep"])
def test_no_order_of_steps_brings_appointment_and_meeting_apart_in_silence(start: State):
    states, wrong = explore(start)

    assert wrong is None
    assert states > 10_000


@pytest.mark.parametrize(
    ("part", "start"),
    [
        (ANNOUNCE, DEATHS),
        (DUE, DEATHS),
        (FENCE, SLEEP),
        (LEAVE_CREATES, SLEEP),
    ],
)
def test_each_part_is_needed(part: str, start: State):
    _states, wrong = explore(start, PARTS - {part})

    assert wrong is not None
