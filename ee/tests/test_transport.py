"""Every operation ends in time, whatever the other side does, and sends exactly what was meant."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from convene.meetings.provider import CreatedMeeting, MeetingError, MeetingRef, MeetingSpec
from convene.tenancy.models import Tenant
from convene_teams import transport
from convene_teams.problems import Problem
from convene_teams.provider import TeamsProvider
from convene_teams.references import Reference
from convene_teams.transport import Deadline, NotAnswered, send
from ee.tests.make_teams import make_teams_tenant
from graphsim import Simulator
from graphsim.defaults import NORTHWIND

BUDGET = 0.5
HURRIED = TeamsProvider(seconds=BUDGET)


@pytest.fixture
def tenant(sim: Simulator) -> Tenant:
    return make_teams_tenant()


@contextmanager
def ends_in_time() -> Iterator[None]:
    """The block ends with the budget, give or take what a busy machine needs."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < BUDGET + 0.4


@contextmanager
def listening(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server that treats its one visitor as told; its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _address = server.accept()
            with connection:
                connection.recv(65536)
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def until_hung_up(connection: socket.socket, pieces: Iterable[bytes], pause: float = 0) -> None:
    """Send piece after piece; the visitor must leave before the last one."""
    for piece in pieces:
        try:
            connection.sendall(piece)
        except OSError:
            return
        time.sleep(pause)
    raise AssertionError("the visitor took it all")


# Deadlines


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_that_does_not_come_ends_with_the_budget(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec, when: str
) -> None:
    sim.fault("create", delay_ms=1500, when=when)

    with ends_in_time(), pytest.raises(MeetingError) as caught:
        HURRIED.create(tenant, spec)

    assert (caught.value.code, caught.value.unknown_outcome) == ("no_answer", True)


def test_an_answer_that_trickles_ends_with_the_budget(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", drip_ms=100)

    with ends_in_time(), pytest.raises(MeetingError) as caught:
        HURRIED.create(tenant, spec)

    assert (caught.value.code, caught.value.unknown_outcome) == ("no_answer", True)


def test_headers_that_trickle_without_end_end_with_the_budget() -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        until_hung_up(connection, (b"x-more: %d\r\n" % number for number in range(1000)), 0.02)

    with listening(trickle) as url, ends_in_time(), pytest.raises(NotAnswered):
        send("GET", url, Deadline(BUDGET), headers={})


def test_what_the_token_took_is_gone_for_the_call(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("token", delay_ms=300)
    sim.fault("create", delay_ms=300)

    with ends_in_time(), pytest.raises(MeetingError) as caught:
        HURRIED.create(tenant, spec)

    assert (caught.value.code, caught.value.unknown_outcome) == ("no_answer", True)


def test_a_token_that_does_not_come_is_a_certain_failure(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("token", delay_ms=1500)

    with ends_in_time(), pytest.raises(MeetingError) as caught:
        HURRIED.create(tenant, spec)

    assert (caught.value.code, caught.value.unknown_outcome) == ("no_answer", False)
    assert sim.calls("create") == []


def test_a_budget_that_is_used_up_sends_nothing(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec
) -> None:
    with pytest.raises(MeetingError) as caught:
        TeamsProvider(seconds=0).create(tenant, spec)

    assert not caught.value.unknown_outcome
    assert sim.calls() == []


# Connections


def test_a_closed_port_is_a_certain_failure(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("CONVENE_GRAPH_URL", f"http://127.0.0.1:{port}")

    with pytest.raises(MeetingError) as caught:
        HURRIED.create(tenant, spec)

    assert (caught.value.code, caught.value.unknown_outcome) == ("unreachable", False)


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://"])
def test_an_address_that_is_none_is_a_certain_failure(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CONVENE_GRAPH_URL", url)

    with pytest.raises(MeetingError) as caught:
        HURRIED.create(tenant, spec)

    assert (caught.value.code, caught.value.unknown_outcome) == ("unreachable", False)


def test_a_host_that_does_not_speak_tls_is_a_certain_failure(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVENE_GRAPH_URL", sim.url.replace("http://", "https://"))

    with pytest.raises(MeetingError) as caught:
        HURRIED.create(tenant, spec)

    assert (caught.value.code, caught.value.unknown_outcome) == ("unreachable", False)


def test_an_answer_that_is_not_http_is_no_answer() -> None:
    with (
        listening(lambda connection: connection.sendall(b"hello\r\n\r\n")) as url,
        pytest.raises(NotAnswered),
    ):
        send("GET", url, Deadline(BUDGET), headers={})


def test_a_proxy_of_the_environment_is_not_used(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    transport.close()

    assert HURRIED.create(tenant, spec).join_url


def test_a_redirect_is_not_followed(sim: Simulator) -> None:
    elsewhere = (
        f"HTTP/1.1 302 Found\r\nLocation: {sim.url}/v1.0/users/x\r\nContent-Length: 0\r\n\r\n"
    )

    with listening(lambda connection: connection.sendall(elsewhere.encode())) as url:
        answer = send("GET", url, Deadline(BUDGET), headers={})

    assert answer.status == 302
    assert sim.calls() == []


def test_a_body_is_read_to_a_megabyte_at_most() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
        until_hung_up(connection, (b"x" * 100_000 for _ in range(500)))

    with listening(flood) as url:
        answer = send("GET", url, Deadline(5), headers={})

    assert (answer.status, answer.body) == (200, None)


# Addresses


@pytest.mark.parametrize("style", ["plain", "padded", "legacy"])
def test_a_meeting_id_reaches_graph_as_it_is(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec, style: Any
) -> None:

    sim.world.behave(replace(sim.world.behaviour, id_style=style))

    created = HURRIED.create(tenant, spec)
    HURRIED.update(tenant, created.ref, spec)
    state = HURRIED.look(tenant, created.ref)
    HURRIED.delete(tenant, created.ref)

    assert state is not None
    assert sim.meetings() == []


@pytest.mark.parametrize("meeting_id", ["a/../b", "a?b=c", "a#b", "a%2Fb", "ä", "a;b", "..a"])
def test_a_strange_meeting_id_stays_one_part_of_the_address(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec, meeting_id: str
) -> None:
    ref = of_meeting(HURRIED.create(tenant, spec), meeting_id)

    with pytest.raises(MeetingError) as caught:
        HURRIED.update(tenant, ref, spec)

    assert caught.value.code == Problem.BAD_REQUEST  # Graph's "Invalid meeting id"
    assert [call.path.count("/") for call in sim.calls("update")] == [5]


@pytest.mark.parametrize("meeting_id", ["", ".", "..", "a\nb"])
def test_a_meeting_id_that_cannot_be_in_an_address_is_never_sent(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec, meeting_id: str
) -> None:
    ref = of_meeting(HURRIED.create(tenant, spec), meeting_id)

    with pytest.raises(MeetingError):
        HURRIED.delete(tenant, ref)

    assert {call.route for call in sim.calls()} == {"token", "create"}


@pytest.mark.parametrize(
    "handle",
    ["", "null", "[]", "7", "fake:1", '{"p":"x","o":"y","m":"z"}', '{"p":1,"o":2,"m":3}'],
)
def test_a_handle_that_is_not_ours_is_a_problem_with_a_name(
    sim: Simulator, tenant: Tenant, handle: str
) -> None:
    with pytest.raises(MeetingError) as caught:
        HURRIED.delete(tenant, MeetingRef(handle))

    assert caught.value.code == Problem.REFERENCE_UNREADABLE
    assert sim.calls() == []


def test_a_meeting_is_made_in_utc_and_with_a_subject_of_one_line(
    sim: Simulator, tenant: Tenant, spec: MeetingSpec
) -> None:

    berlin = spec.starts_at.astimezone(ZoneInfo("Europe/Berlin"))

    HURRIED.create(tenant, replace(spec, subject="a\r\nb\x00 " + "c" * 300, starts_at=berlin))

    [call] = sim.calls("create")
    assert call.body == {
        "subject": "a b " + "c" * 250 + "…",
        "startDateTime": spec.starts_at.strftime("%Y-%m-%dT10:00:00Z"),
        "endDateTime": spec.ends_at.strftime("%Y-%m-%dT11:00:00Z"),
    }
    assert call.path == f"/v1.0/users/{NORTHWIND.organizer_id}/onlineMeetings"


def of_meeting(created: CreatedMeeting, meeting_id: str) -> MeetingRef:
    """The handle of another meeting of the same maker."""
    maker = Reference.of(created.ref)
    return Reference(maker.profile_id, maker.organizer, meeting_id).as_ref()
