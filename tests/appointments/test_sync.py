"""The meeting follows its appointment, whatever the provider, the network and people do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from time import sleep

import pytest
import time_machine
from django.core import mail
from django.db import OperationalError, connection
from procrastinate.contrib.django.models import ProcrastinateJob

from convene.appointments import actions, history
from convene.appointments.actions import Outcome, Refused
from convene.appointments.models import AppointmentRequest, MeetingSync, Operation, Status
from convene.appointments.problems import Problem, problem_of
from convene.appointments.sync import LEASE, Result, Steps, lock_meeting, steps
from convene.events.models import Event
from convene.mail.delivery import deliver
from convene.mail.models import MailState, OutboxMail
from convene.mail.tasks import deliver_due_mail
from convene.meetings import fake
from convene.meetings.fake import FakeProvider, registered
from convene.meetings.provider import MeetingError
from convene.schedule.models import ScheduleEntry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from tests.make import a_time, make_member, make_request, make_tenant

pytestmark = pytest.mark.usefixtures("db")

MORNING, NOON, EVENING = a_time(hour=10), a_time(hour=12), a_time(hour=18)


class Provider(FakeProvider):
    """Is never called inside a transaction, and lets things happen while it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []
        """What happens during the next calls, one each, before they are carried out."""
        self.seconds = 0.0

    @contextmanager
    def _called(
        self, operation: fake.Operation, tenant: Tenant, meeting_id: str = ""
    ) -> Iterator[None]:
        assert not connection.in_atomic_block
        with super()._called(operation, tenant, meeting_id):
            if self.meanwhile:
                self.meanwhile.pop(0)()
            sleep(self.seconds)
            yield

    def fail_with(self, error: MeetingError) -> None:
        def fail() -> None:
            raise error

        self.meanwhile.append(fail)

    @property
    def operations(self) -> list[str]:
        """What it was asked, in order."""
        return [call.operation for call in self.calls]

    @property
    def times(self) -> list[datetime]:
        """When the meetings that it holds begin."""
        return [meeting.starts_at for meeting in self.meetings.values()]


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    with registered(provider):
        yield provider


@pytest.fixture
def dana() -> Membership:
    return make_member(make_tenant(), "Dana")


def test_whoever_looks_at_a_meeting_holds_its_appointment(dana: Membership):
    request = make_request(dana.tenant)

    def take() -> None:
        try:
            with tenant_atomic(dana.tenant):
                AppointmentRequest.objects.select_for_update(nowait=True).get(id=request.id)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as somebody:
        with tenant_atomic(dana.tenant):
            lock_meeting(request.id)
            with pytest.raises(OperationalError, match="could not obtain lock"):
                somebody.submit(take).result()
        somebody.submit(take).result()


# What people do


def approve(request: AppointmentRequest, *, by: Membership, with_meeting: bool = True) -> Outcome:
    return actions.approve_appointment_request(
        request.tenant,
        request.id,
        by=by,
        technician=by,
        starts_at=request.requested_start,
        with_meeting=with_meeting,
    )


def move(request: AppointmentRequest, *, by: Membership, to: datetime) -> Outcome:
    return actions.update_appointment_request_date_time(
        request.tenant, request.id, by=by, starts_at=to
    )


def cancel(request: AppointmentRequest, *, by: Membership) -> Outcome:
    return actions.cancel_appointment_request(request.tenant, request.id, by=by)


def create(request: AppointmentRequest, *, by: Membership) -> Outcome:
    return actions.create_meeting(request.tenant, request.id, by=by)


def forget(request: AppointmentRequest, *, by: Membership) -> Outcome:
    return actions.forget_meeting(request.tenant, request.id, by=by)


def try_again(request: AppointmentRequest) -> Outcome:
    return actions.retry_meeting(request.tenant, request.id)


def at_once(*acts: Callable[[], Outcome]) -> list[Outcome | str]:
    """Each in a thread of its own; what they returned, or the sentence that stopped them."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Outcome]) -> Outcome | str:
        start.wait()
        try:
            return act()
        except Refused as sentence:
            return str(sentence)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


# What can be seen


def make_morning(dana: Membership) -> AppointmentRequest:
    """A pending request for Dana's morning."""
    return make_request(dana.tenant, start=MORNING)


def make_approved(dana: Membership, *, with_meeting: bool = True) -> AppointmentRequest:
    """An approved appointment in Dana's morning."""
    request = make_morning(dana)
    approve(request, by=dana, with_meeting=with_meeting)
    return reread(request)


def reread(request: AppointmentRequest) -> AppointmentRequest:
    with tenant_atomic(request.tenant):
        rows = AppointmentRequest.objects.select_related("tenant", "schedule_entry__technician")
        return rows.get(id=request.id)


def columns(request: AppointmentRequest) -> tuple[str | None, str | None, str | None]:
    """The meeting as people see it: provider, id, link."""
    row = reread(request)
    return row.online_meeting_provider, row.online_meeting_id, row.online_meeting_url


NO_MEETING = (None, None, None)
FIRST_MEETING = ("fake", "meeting-1", "https://meetings.example/meeting-1")


def sequence(request: AppointmentRequest) -> int:
    entry = reread(request).schedule_entry
    assert isinstance(entry, ScheduleEntry)
    return entry.sequence


def bookkeeping(request: AppointmentRequest) -> MeetingSync:
    with tenant_atomic(request.tenant):
        return MeetingSync.objects.get(appointment=request)


def needs_attention(request: AppointmentRequest, now: datetime | None = None) -> bool:
    now = now or datetime.now(UTC)
    row, meeting = reread(request), bookkeeping(request)
    with tenant_atomic(request.tenant):
        listed = MeetingSync.objects.needing_attention(now).filter(appointment=request).exists()
    assert listed == meeting.needs_attention(row, now)
    return listed


def problem(request: AppointmentRequest) -> Problem:
    found = problem_of(reread(request), bookkeeping(request), datetime.now(UTC))
    assert found is not None
    return found


def events(request: AppointmentRequest, kind: str = "ONLINE_MEETING") -> list[str]:
    """What happened to the meeting, in order."""
    with tenant_atomic(request.tenant):
        rows = Event.objects.filter(subject_id=request.id, kind__contains=kind)
        return list(rows.values_list("kind", flat=True))


def deliver_mails(request: AppointmentRequest) -> list[str]:
    """Send what may leave now; the texts of the mails."""
    mail.outbox.clear()
    deliver(request.tenant.id, request.id)
    return [str(message.body) for message in mail.outbox]


def waiting_until(request: AppointmentRequest) -> set[datetime]:
    with tenant_atomic(request.tenant):
        rows = OutboxMail.objects.filter(subject_id=request.id, state=MailState.DUE)
        return set(rows.values_list("not_before", flat=True))


# The meeting follows


def test_an_approval_with_a_meeting_fills_the_columns_and_says_so(
    provider: Provider, dana: Membership
) -> None:
    request = make_morning(dana)

    outcome = approve(request, by=dana)

    assert outcome == Outcome(request.id)
    assert columns(request) == FIRST_MEETING
    assert provider.times == [MORNING]
    assert sequence(request) == 1
    assert not needs_attention(request)
    assert events(request) == [
        history.MEETING_ASKED_FOR,
        history.MEETING_CREATED,
        history.MEETING_ATTACHED,
    ]


def test_an_approval_without_a_meeting_calls_nobody(provider: Provider, dana: Membership) -> None:
    request = make_approved(dana, with_meeting=False)

    move(request, by=dana, to=NOON)
    cancel(request, by=dana)

    assert provider.calls == []
    assert columns(request) == NO_MEETING


def test_the_meetings_subject_is_one_line_of_service_and_client(
    provider: Provider, dana: Membership
) -> None:
    request = make_request(dana.tenant)
    with tenant_atomic(dana.tenant):
        request.service.name, request.client.name = "Check\r\n\tup", "Müller & Söhne " + "x" * 300
        request.service.save(update_fields=["name"])
        request.client.name = request.client.name[:100]
        request.client.save(update_fields=["name"])

    approve(request, by=dana)

    (meeting,) = provider.meetings.values()
    assert meeting.subject.startswith("Check up: Müller & Söhne xxx")
    assert len(meeting.subject) <= 255


def test_a_move_moves_the_same_meeting_and_the_link_stays(
    provider: Provider, dana: Membership
) -> None:
    request = make_approved(dana)

    outcome = move(request, by=dana, to=NOON)

    assert outcome == Outcome(request.id)
    assert columns(request) == FIRST_MEETING
    assert provider.operations == ["create", "update"]
    assert provider.times == [NOON]
    assert events(request)[-1] == history.MEETING_UPDATED


def test_another_technician_at_the_same_time_leaves_the_meeting_alone(
    provider: Provider, dana: Membership
) -> None:
    request, max_ = make_approved(dana), make_member(dana.tenant)

    actions.update_appointment_request_date_time(
        dana.tenant, request.id, by=dana, starts_at=MORNING, technician=max_
    )

    assert provider.operations == ["create"]
    assert not needs_attention(request)


@pytest.mark.parametrize("verb", ["cancel", "delete the entry"])
def test_a_cancelled_appointments_meeting_is_deleted(
    verb: str, provider: Provider, dana: Membership
) -> None:
    request = make_approved(dana)

    if verb == "cancel":
        cancel(request, by=dana)
    else:
        assert request.schedule_entry_id
        actions.delete_schedule_entry(dana.tenant, request.schedule_entry_id, by=dana)

    assert columns(request) == NO_MEETING
    assert provider.meetings == {}
    assert events(request)[-1] == history.MEETING_DELETED
    assert not needs_attention(request)


def test_a_declined_request_never_had_a_meeting(provider: Provider, dana: Membership) -> None:
    request = make_morning(dana)

    actions.decline_appointment_request(dana.tenant, request.id, by=dana, reason="A holiday")

    assert provider.calls == []
    with pytest.raises(Refused, match="already declined"):
        create(request, by=dana)


def test_a_meeting_can_be_created_later(provider: Provider, dana: Membership) -> None:
    request = make_approved(dana, with_meeting=False)

    create(request, by=dana)

    assert columns(request) == FIRST_MEETING


def test_create_again_keeps_the_meeting_that_there_is(provider: Provider, dana: Membership) -> None:
    request = make_approved(dana)

    create(request, by=dana)

    assert provider.operations == ["create"]
    assert not needs_attention(request)


# When it fails


FAULTS: dict[str, Callable[[FakeProvider], None]] = {
    "refused": lambda provider: provider.fail_next("refused"),
    "no_answer, not done": lambda provider: provider.lose_next(written=False),
    "no_answer, done": lambda provider: provider.lose_next(written=True),
}


@pytest.fixture(params=FAULTS)
def fail_next(request: pytest.FixtureRequest, provider: Provider) -> Callable[[], str]:
    """Makes the next call fail in one of the three ways, and tells the problem's code."""
    fault: str = request.param

    def fail() -> str:
        FAULTS[fault](provider)
        return fault.partition(",")[0]

    return fail


def test_an_approval_stands_when_the_meeting_cannot_be_created(
    provider: Provider, dana: Membership, fail_next: Callable[[], str]
) -> None:
    request, code = make_morning(dana), fail_next()

    outcome = approve(request, by=dana)

    assert reread(request).status == Status.APPROVED
    assert outcome.warning == (
        "The appointment is approved, but the Fake Meetings meeting was not created."
        f" The fake meeting service says {code}."
    )
    assert columns(request) == NO_MEETING
    assert sequence(request) == 0
    assert needs_attention(request)
    assert problem(request).meeting.problem == code
    assert problem(request).headline == outcome.warning.partition(" The fake")[0]
    assert problem(request).creates
    assert provider.operations == ["create"], "nothing tries again by itself"


def test_trying_again_creates_the_meeting(
    provider: Provider, dana: Membership, fail_next: Callable[[], str]
) -> None:
    request = make_morning(dana)
    fail_next()
    approve(request, by=dana)
    left_behind = set(provider.meetings)

    outcome = try_again(request)

    assert outcome == Outcome(request.id)
    provider_slug, meeting_id, link = columns(request)
    assert provider_slug == "fake"
    assert {meeting_id} == set(provider.meetings) - left_behind
    assert link == f"https://meetings.example/{meeting_id}"
    assert not needs_attention(request)
    assert bookkeeping(request).problem == ""


def test_a_create_without_an_answer_says_that_a_meeting_may_remain(
    provider: Provider, dana: Membership
) -> None:
    request = make_morning(dana)
    provider.lose_next(written=True)

    approve(request, by=dana)

    assert history.MEETING_MAY_REMAIN in events(request)


def test_a_refused_create_leaves_nothing_behind_and_says_nothing_of_the_kind(
    provider: Provider, dana: Membership
) -> None:
    request = make_morning(dana)
    provider.fail_next()

    approve(request, by=dana)

    assert history.MEETING_MAY_REMAIN not in events(request)


def test_a_move_stands_when_the_meeting_cannot_be_moved(
    provider: Provider, dana: Membership, fail_next: Callable[[], str]
) -> None:
    request, code = make_approved(dana), fail_next()

    outcome = move(request, by=dana, to=NOON)

    assert reread(request).starts_at == NOON
    assert outcome.warning == (
        "The appointment was moved, but the Fake Meetings meeting was not."
        f" The fake meeting service says {code}."
    )
    assert columns(request) == FIRST_MEETING
    assert needs_attention(request)
    assert not problem(request).creates
    assert provider.operations == ["create", "update"]

    assert try_again(request) == Outcome(request.id)
    assert provider.times == [NOON]
    assert columns(request) == FIRST_MEETING
    assert not needs_attention(request)


def test_going_back_after_a_failed_move_asks_the_provider_again(
    provider: Provider, dana: Membership, fail_next: Callable[[], str]
) -> None:
    request = make_approved(dana)
    fail_next()
    move(request, by=dana, to=NOON)

    move(request, by=dana, to=MORNING)

    assert provider.times == [MORNING]
    assert provider.operations == ["create", "update", "update"]
    assert not needs_attention(request)


def test_a_cancel_stands_and_the_link_is_gone_at_once_when_the_delete_fails(
    provider: Provider, dana: Membership, fail_next: Callable[[], str]
) -> None:
    request, code = make_approved(dana), fail_next()

    outcome = cancel(request, by=dana)

    assert reread(request).status == Status.CANCELLED
    assert outcome.warning == (
        "Appointment deleted, but the Fake Meetings meeting could not be removed."
        f" Please remove it manually in Fake. The fake meeting service says {code}."
    )
    assert columns(request) == ("fake", "meeting-1", None)
    assert needs_attention(request)

    assert try_again(request) == Outcome(request.id)
    assert provider.meetings == {}
    assert columns(request) == NO_MEETING
    assert not needs_attention(request)


def test_a_problem_keeps_what_an_admin_asks_for(provider: Provider, dana: Membership) -> None:
    request = make_morning(dana)
    provider.fail_with(MeetingError("refused", status=403, request_id="5d1c"))

    with time_machine.travel(a_time(days=1), tick=False):
        approve(request, by=dana)

    kept = bookkeeping(request)
    assert (kept.problem, kept.problem_operation) == ("refused", Operation.CREATE)
    assert (kept.problem_status, kept.problem_request_id) == (403, "5d1c")
    assert kept.problem_at == a_time(days=1)


def test_a_provider_that_asks_to_wait_is_said_to_until_then_and_trying_again_still_works(
    provider: Provider, dana: Membership
) -> None:
    request = make_morning(dana)
    now = datetime.now(UTC)
    provider.fail_with(MeetingError("throttled", status=429, retry_after=30))

    with time_machine.travel(now, tick=False):
        approve(request, by=dana)

        assert problem(request).wait_until == now + timedelta(seconds=30)
    with time_machine.travel(now + timedelta(seconds=31), tick=False):
        assert problem(request).wait_until is None
    try_again(request)
    assert bookkeeping(request).problem_wait_until is None
    assert provider.times == [MORNING]


@pytest.mark.parametrize("seconds", [None, 0])
def test_a_failure_that_asks_for_no_wait_forgets_the_wait_of_the_one_before(
    provider: Provider, dana: Membership, seconds: int | None
) -> None:
    request = make_morning(dana)
    provider.fail_with(MeetingError("throttled", status=429, retry_after=30))
    approve(request, by=dana)
    provider.fail_with(MeetingError("unavailable", status=503, retry_after=seconds))

    try_again(request)

    assert bookkeeping(request).problem == "unavailable"
    assert problem(request).wait_until is None


def test_a_toggle_sent_after_the_capability_went_away_is_a_problem_with_that_reason(
    provider: Provider, dana: Membership
) -> None:
    request = make_morning(dana)
    provider.switch_off(dana.tenant)

    outcome = approve(request, by=dana)

    assert reread(request).status == Status.APPROVED
    assert outcome.warning.endswith("The fake meeting service says switched_off.")
    assert problem(request).meeting.problem == "switched_off"


def test_without_a_provider_nothing_is_lost(dana: Membership) -> None:
    provider = Provider()
    with registered(provider):
        request = make_approved(dana)

    outcome = move(request, by=dana, to=NOON)

    assert outcome.warning == (
        "The appointment was moved, but the online meeting was not."
        " The part that made this meeting is no longer installed."
    )
    assert columns(request) == FIRST_MEETING
    assert problem(request).meeting.problem == "provider_missing"
    with registered(provider):
        assert try_again(request) == Outcome(request.id)
    assert provider.times == [NOON]
    assert not needs_attention(request)


def test_another_provider_never_touches_a_meeting(dana: Membership) -> None:
    provider, other = Provider(), Provider()
    other.slug = "other"
    with registered(provider):
        request = make_approved(dana)

    with registered(other):
        move(request, by=dana, to=NOON)
        cancel(request, by=dana)

    assert other.calls == []
    assert problem(request).meeting.problem == "provider_missing"


def test_a_meeting_that_is_gone_is_forgotten_and_can_be_created_again(
    provider: Provider, dana: Membership
) -> None:
    request = make_approved(dana)
    provider.meetings.clear()

    move(request, by=dana, to=NOON)

    assert columns(request) == NO_MEETING
    assert problem(request).meeting.problem == "meeting_not_found"
    assert problem(request).creates
    create(request, by=dana)
    assert columns(request) == ("fake", "meeting-2", "https://meetings.example/meeting-2")
    assert provider.times == [NOON]


def test_a_meeting_that_is_gone_already_is_no_problem_for_a_cancel(
    provider: Provider, dana: Membership
) -> None:
    request = make_approved(dana)
    provider.meetings.clear()

    outcome = cancel(request, by=dana)

    assert outcome == Outcome(request.id)
    assert not needs_attention(request)


# When it is over


def test_when_it_is_over_nothing_is_created(provider: Provider, dana: Membership) -> None:
    request = make_morning(dana)
    provider.fail_next()
    approve(request, by=dana)

    with time_machine.travel(MORNING + timedelta(days=1)):
        try_again(request)
        with pytest.raises(Refused, match="over"):
            create(request, by=dana)

        assert not needs_attention(request)
    assert provider.operations == ["create"]


def test_when_it_is_over_nothing_is_moved(provider: Provider, dana: Membership) -> None:
    request = make_approved(dana)
    provider.fail_next()
    move(request, by=dana, to=NOON)

    with time_machine.travel(NOON + timedelta(days=1)):
        try_again(request)

        assert not needs_attention(request)
    assert provider.operations == ["create", "update"]


def test_when_it_is_over_a_cancel_still_deletes(provider: Provider, dana: Membership) -> None:
    request = make_approved(dana)

    with time_machine.travel(MORNING + timedelta(days=1)):
        provider.fail_next()
        cancel(request, by=dana)
        assert needs_attention(request)

        try_again(request)

    assert provider.meetings == {}


# While a call is under way


def test_a_cancel_during_the_create_ends_in_a_delete(provider: Provider, dana: Membership) -> None:
    request, outcomes = make_morning(dana), []
    provider.meanwhile = [lambda: outcomes.append(cancel(request, by=dana))]

    approve(request, by=dana)

    assert outcomes == [Outcome(request.id, note="The Fake Meetings meeting is being updated.")]
    assert provider.operations == ["create", "delete"]
    assert columns(request) == NO_MEETING
    assert history.MEETING_ATTACHED not in events(request, "")
    assert not needs_attention(request)


def test_a_move_during_the_create_moves_the_new_meeting(
    provider: Provider, dana: Membership
) -> None:
    request = make_morning(dana)
    provider.meanwhile = [lambda: move(request, by=dana, to=NOON)]

    approve(request, by=dana)

    assert provider.operations == ["create", "update"]
    assert provider.times == [NOON]
    assert columns(request) == FIRST_MEETING


def test_a_failed_call_is_repeated_only_if_something_else_is_wanted_by_now(
    provider: Provider, dana: Membership
) -> None:
    request = make_approved(dana)
    provider.fail_next(on="update", written=True)
    provider.meanwhile = [lambda: move(request, by=dana, to=EVENING)]

    outcome = move(request, by=dana, to=NOON)

    assert outcome == Outcome(request.id)
    assert provider.operations == ["create", "update", "update"]
    assert provider.times == [EVENING]
    assert not needs_attention(request)


def test_a_sync_makes_at_most_four_calls(provider: Provider, dana: Membership) -> None:
    request = make_morning(dana)
    provider.meanwhile = [
        lambda: move(request, by=dana, to=NOON),
        lambda: move(request, by=dana, to=EVENING),
        lambda: move(request, by=dana, to=MORNING),
        lambda: move(request, by=dana, to=NOON),
    ]

    outcome = approve(request, by=dana)

    assert provider.operations == ["create", "update", "update", "update"]
    assert "changed again and again" in outcome.warning
    assert needs_attention(request)
    try_again(request)
    assert provider.times == [NOON]
    assert not needs_attention(request)


# Processes that die, and those that come too late


class Sync:
    """One sync, one step at a time. Forgetting it is what a dying process does."""

    def __init__(self, request: AppointmentRequest, after: timedelta = timedelta()) -> None:
        self.after = after
        self._steps: Steps = steps(request.tenant, request.id, clock=self._clock)

    def _clock(self) -> datetime:
        return datetime.now(UTC) + self.after

    def until(self, step: str) -> "Sync":
        while next(self._steps) != step:
            pass
        return self

    def finish(self) -> Result:
        while True:
            try:
                next(self._steps)
            except StopIteration as end:
                result: Result = end.value
                return result


LATER = LEASE + timedelta(seconds=1)


def make_due(provider: Provider, dana: Membership) -> AppointmentRequest:
    """An approved appointment whose meeting is still to be created."""
    request = make_morning(dana)
    provider.fail_next()
    approve(request, by=dana)
    provider.calls.clear()
    return request


def make_due_to_move(provider: Provider, dana: Membership) -> AppointmentRequest:
    """An appointment that was moved to noon, its meeting not."""
    request = make_approved(dana)
    provider.fail_next()
    move(request, by=dana, to=NOON)
    provider.calls.clear()
    return request


def test_one_sync_at_a_time(provider: Provider, dana: Membership) -> None:
    request = make_due(provider, dana)
    first = Sync(request).until("announced create")

    assert Sync(request).finish() == Result(busy=True)
    assert not needs_attention(request)

    assert first.finish() == Result()
    assert provider.operations == ["create"]


@pytest.mark.parametrize("step", ["announced create", "heard about create"])
def test_a_death_anywhere_is_seen_once_the_lease_is_over_and_can_be_mended(
    step: str, provider: Provider, dana: Membership
) -> None:
    request = make_due(provider, dana)

    Sync(request).until(step)

    later = datetime.now(UTC) + LATER
    assert needs_attention(request, later)
    assert Sync(request, after=LATER).finish() == Result()
    assert not needs_attention(request, later)
    assert columns(request)[1] in provider.meetings
    assert history.MEETING_MAY_REMAIN in events(request)
    assert len(provider.meetings) == (2 if step == "heard about create" else 1)


VERBS: dict[str, Callable[[AppointmentRequest, Membership], Outcome]] = {
    "create": lambda request, dana: create(request, by=dana),
    "update": lambda request, dana: move(request, by=dana, to=NOON),
    "delete": lambda request, dana: cancel(request, by=dana),
}


@pytest.mark.parametrize("operation", VERBS)
def test_a_death_right_after_the_commit_is_seen_and_can_be_mended(
    operation: str, provider: Provider, dana: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = make_approved(dana, with_meeting=operation != "create")

    def die(*appointment: object) -> Result:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(actions, "sync", die)
        with pytest.raises(KeyboardInterrupt):
            VERBS[operation](request, dana)

    assert needs_attention(request)
    assert try_again(request) == Outcome(request.id)
    assert provider.operations[-1] == operation
    assert not needs_attention(request)


def test_a_death_during_an_update_is_never_taken_for_a_success(
    provider: Provider, dana: Membership
) -> None:
    request = make_due_to_move(provider, dana)
    Sync(request).until("announced update")

    Sync(request, after=LATER).finish()

    assert provider.times == [NOON]
    assert history.MEETING_MAY_REMAIN not in events(request)


def test_a_problem_without_a_cause_is_an_interruption(provider: Provider, dana: Membership) -> None:
    request = make_approved(dana)
    with tenant_atomic(dana.tenant):
        MeetingSync.objects.filter(appointment=request).update(due=True)

    assert problem(request).explanation.sentence == (
        "The meeting was being changed when the work was interrupted."
    )


def test_who_made_a_meeting_too_late_removes_it(provider: Provider, dana: Membership) -> None:
    request = make_due(provider, dana)
    late = Sync(request).until("heard about create")
    Sync(request, after=LATER).finish()

    assert late.finish() == Result(busy=True)

    assert columns(request)[1] == "meeting-2"
    assert set(provider.meetings) == {"meeting-2"}
    assert provider.operations == ["create", "create", "delete"]
    assert needs_attention(request), "what the late one knew is old, so it must be looked at"
    assert try_again(request) == Outcome(request.id)
    assert not needs_attention(request)


def test_who_made_a_meeting_for_a_forgotten_one_removes_it(
    provider: Provider, dana: Membership
) -> None:
    request = make_due(provider, dana)
    late = Sync(request).until("heard about create")
    with time_machine.travel(datetime.now(UTC) + LATER):
        forget(request, by=dana)

    late.finish()

    assert provider.meetings == {}
    assert columns(request) == NO_MEETING


def test_a_late_update_makes_the_next_sync_ask_again(provider: Provider, dana: Membership) -> None:
    request = make_due_to_move(provider, dana)
    late = Sync(request).until("announced update")
    with time_machine.travel(datetime.now(UTC) + LATER):
        move(request, by=dana, to=EVENING)
    assert provider.times == [EVENING]

    late.finish()

    assert provider.times == [NOON], "its call came last"
    assert needs_attention(request)
    try_again(request)
    assert provider.times == [EVENING]
    assert not needs_attention(request)


def test_a_holder_that_was_disturbed_by_a_late_one_asks_again(
    provider: Provider, dana: Membership
) -> None:
    request = make_due_to_move(provider, dana)
    late = Sync(request).until("heard about update")
    with time_machine.travel(datetime.now(UTC) + LATER):
        holder = Sync(request).until("heard about update")

        late.finish()
        assert holder.finish() == Result()

    assert provider.operations == ["update", "update", "update"]
    assert not needs_attention(request)


def test_a_late_one_does_not_hide_that_a_create_was_announced(
    provider: Provider, dana: Membership
) -> None:
    request = make_due_to_move(provider, dana)
    late = Sync(request).until("heard about update")
    provider.meetings.clear()
    try_again_at = datetime.now(UTC) + LATER
    with time_machine.travel(try_again_at):
        try_again(request)  # finds that the meeting is gone
        Sync(request).until("heard about create")

    late.finish()

    with time_machine.travel(try_again_at + LATER):
        try_again(request)
    assert len(provider.meetings) == 2
    assert history.MEETING_MAY_REMAIN in events(request)


def test_a_late_one_that_misses_its_meeting_leaves_the_new_one_alone(
    provider: Provider, dana: Membership
) -> None:
    request = make_due_to_move(provider, dana)
    late = Sync(request).until("announced update")
    provider.meetings.clear()
    with time_machine.travel(datetime.now(UTC) + LATER):
        try_again(request)  # finds that the meeting is gone
        try_again(request)

    assert late.finish() == Result(busy=True)

    assert columns(request)[1] == "meeting-2"
    assert list(provider.meetings) == ["meeting-2"]


# Forgetting


def test_forgetting_leaves_the_meeting_where_it_is_and_stops_following_it(
    provider: Provider, dana: Membership
) -> None:
    request = make_due_to_move(provider, dana)

    forget(request, by=dana)

    assert columns(request) == NO_MEETING
    assert sequence(request) == 3
    assert events(request)[-1] == history.MEETING_FORGOTTEN
    move(request, by=dana, to=EVENING)
    assert provider.times == [MORNING]
    create(request, by=dana)
    assert columns(request)[1] == "meeting-2"


def test_a_meeting_that_is_as_it_should_be_is_not_forgotten(
    provider: Provider, dana: Membership
) -> None:
    request = make_approved(dana)

    with pytest.raises(Refused, match="Nothing is wrong"):
        forget(request, by=dana)

    assert columns(request) == FIRST_MEETING


def test_what_somebody_works_on_is_not_forgotten(provider: Provider, dana: Membership) -> None:
    request = make_due(provider, dana)
    working = Sync(request).until("heard about create")

    with pytest.raises(Refused, match="being updated"):
        forget(request, by=dana)

    working.finish()
    assert columns(request) == FIRST_MEETING


def test_forgetting_a_create_that_was_interrupted_says_that_a_meeting_may_remain(
    provider: Provider, dana: Membership
) -> None:
    request = make_due(provider, dana)
    Sync(request).until("heard about create")

    with time_machine.travel(datetime.now(UTC) + LATER):
        forget(request, by=dana)

    assert len(provider.meetings) == 1
    assert history.MEETING_MAY_REMAIN in events(request)


# Mails


def test_the_confirmation_waits_for_the_meeting_and_leaves_with_its_link(
    provider: Provider, dana: Membership
) -> None:
    request, before = make_morning(dana), []
    provider.meanwhile = [lambda: before.append((deliver_mails(request), waiting_until(request)))]

    with time_machine.travel(a_time(days=1), tick=False):
        approve(request, by=dana)
        texts = deliver_mails(request)

    assert before == [([], {a_time(days=1) + timedelta(seconds=60)})]
    assert len(texts) == 2
    assert all("https://meetings.example/meeting-1" in text for text in texts)


def test_the_confirmation_leaves_without_a_link_when_the_meeting_fails(
    provider: Provider, dana: Membership, fail_next: Callable[[], str]
) -> None:
    request = make_morning(dana)
    fail_next()
    approve(request, by=dana)

    texts = deliver_mails(request)

    assert len(texts) == 2
    assert not any("https://meetings.example" in text for text in texts)


def test_held_mails_wake_the_worker_once_when_the_meeting_is_there(
    provider: Provider, dana: Membership
) -> None:
    request, woken = make_morning(dana), []
    before = ProcrastinateJob.objects.count()
    provider.meanwhile = [lambda: woken.append(ProcrastinateJob.objects.count() - before)]

    approve(request, by=dana)

    woken.append(ProcrastinateJob.objects.count() - before)
    assert woken == [0, 1]


def test_after_a_death_the_sweep_sends_the_confirmation_when_the_minute_is_over(
    provider: Provider, dana: Membership
) -> None:
    request = make_morning(dana)

    def die() -> None:
        raise KeyboardInterrupt

    provider.meanwhile = [die]
    with pytest.raises(KeyboardInterrupt):
        approve(request, by=dana)

    mail.outbox.clear()
    deliver_due_mail(timestamp=0)
    assert mail.outbox == []
    with time_machine.travel(datetime.now(UTC) + LATER):
        deliver_due_mail(timestamp=0)
    assert len(mail.outbox) == 2


def test_the_news_of_a_move_waits_for_the_meeting_too(provider: Provider, dana: Membership) -> None:
    request, before = make_approved(dana), []
    deliver_mails(request)
    provider.meanwhile = [lambda: before.append(deliver_mails(request))]

    move(request, by=dana, to=NOON)

    assert before == [[]]
    assert len(deliver_mails(request)) == 2


def test_a_meeting_added_later_is_told_once_to_those_who_were_told_before(
    provider: Provider, dana: Membership
) -> None:
    request = make_approved(dana, with_meeting=False)
    assert len(deliver_mails(request)) == 2

    create(request, by=dana)
    texts = deliver_mails(request)
    try_again(request)

    assert len(texts) == 2
    assert all("https://meetings.example/meeting-1" in text for text in texts)
    assert deliver_mails(request) == []


# At the same moment


@pytest.fixture
def slow(provider: Provider) -> Provider:
    """A provider that takes long enough for others to come in between."""
    provider.seconds = 0.05
    return provider


def meeting_is_true(request: AppointmentRequest, provider: Provider) -> bool:
    """Whether the provider holds exactly what the appointment wants, and the page shows it."""
    row = reread(request)
    shown = [row.online_meeting_id] if row.online_meeting_id else []
    return (
        provider.times == ([row.starts_at] if row.is_approved else [])
        and list(provider.meetings) == shown
        and not needs_attention(request)
    )


def test_two_approvals_at_once_make_one_meeting(slow: Provider, dana: Membership) -> None:
    request, max_ = make_morning(dana), make_member(dana.tenant, "Max")

    told = at_once(lambda: approve(request, by=dana), lambda: approve(request, by=max_))

    (sentence,) = [words for words in told if isinstance(words, str)]
    winner = reread(request).approved_by
    assert sentence.startswith(f"This request was already approved by {winner} on ")
    assert slow.operations == ["create"]
    assert len(deliver_mails(request)) == 2
    assert meeting_is_true(request, slow)


def test_approving_and_cancelling_at_once_never_leaves_a_meeting(
    slow: Provider, dana: Membership
) -> None:
    request = make_morning(dana)

    at_once(lambda: approve(request, by=dana), lambda: cancel(request, by=dana))

    assert reread(request).status == Status.CANCELLED
    assert slow.meetings == {}
    assert columns(request) == NO_MEETING


def test_moves_at_once_end_at_the_appointments_time(slow: Provider, dana: Membership) -> None:
    request = make_approved(dana)

    told = at_once(
        lambda: move(request, by=dana, to=NOON), lambda: move(request, by=dana, to=EVENING)
    )

    assert not any(isinstance(words, str) or words.warning for words in told)
    assert meeting_is_true(request, slow)


def test_moving_and_cancelling_at_once_never_leaves_a_meeting(
    slow: Provider, dana: Membership
) -> None:
    request = make_approved(dana)

    at_once(lambda: move(request, by=dana, to=NOON), lambda: cancel(request, by=dana))

    assert reread(request).status == Status.CANCELLED
    assert meeting_is_true(request, slow)


def test_trying_again_twice_at_once_makes_one_meeting(slow: Provider, dana: Membership) -> None:
    request = make_due(slow, dana)

    at_once(lambda: try_again(request), lambda: try_again(request))

    assert slow.operations == ["create"]
    assert meeting_is_true(request, slow)
