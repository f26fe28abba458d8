"""People who act at the same moment, over HTTP on the running product."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest

from convene.appointments import history
from convene.appointments.models import AppointmentRequest
from demo.browser import Page
from ee.running.office import Office, slow_graph
from ee.running.product import together, until
from tests.make import a_time
from tests.postbox import calendar_of

pytestmark = pytest.mark.timeout(240)

at_each_speed = pytest.mark.parametrize("graph_ms", [0, 60, 300], ids="graph takes {} ms".format)
APPROVED = "Approved. The client and the technician are told."
MOVED = "Moved. Everybody concerned is told."
MEETING_CREATED = "The meeting was created. Everybody concerned is told."
IN_ORDER = "The meeting is as it should be."
BEING_UPDATED = "The Microsoft Teams meeting is being updated."
# The database's word, and the form's when somebody was early enough.
BUSY = "Tom Brandt already has an appointment at that time. Choose another time or technician."
TWO_PLACES = "Nobody can be in two places. Choose another time or person."


def that_say(pages: list[Page], sentence: str) -> int:
    """How many people read it."""
    return sum(any(sentence in said for said in page.notices + page.problems) for page in pages)


def last_calendar_file(office: Office) -> dict[str, str]:
    return calendar_of(office.product.mails.to(office.marta.email)[-1])


@contextmanager
def graph_at_work(office: Office, route: str, act: Callable[[], Page]) -> Iterator[None]:
    """Let somebody act, and do what is in the block while Graph takes its time over the call."""
    simulator = office.product.simulator
    simulator.fault(route, delay_ms=600)
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act)
        until(lambda: simulator.calls(route), f"Graph is asked to {route}")
        yield
        acting.result()


@at_each_speed
def test_of_two_who_approve_one_does_and_the_other_reads_who_was_first(
    office: Office, graph_ms: int
) -> None:
    slow_graph(office, graph_ms)
    request = office.request()

    with office.visit(office.dana) as dana, office.visit(office.drew) as drew:
        pages = together(
            [lambda: dana.approve(request, office.tom), lambda: drew.approve(request, office.tom)]
        )

    assert (that_say(pages, APPROVED), that_say(pages, "already approved by")) == (1, 1)
    office.wait_for_mails(request)
    office.check_in_step(request)
    assert len(office.meetings()) == 1
    assert office.told(office.marta.membership) == ["Confirmed"]
    assert office.told(office.tom) == ["Assigned to you"]


@at_each_speed
def test_a_client_who_cancels_while_somebody_approves_has_no_appointment(
    office: Office, graph_ms: int
) -> None:
    slow_graph(office, graph_ms)
    request = office.request()

    with office.visit(office.dana) as dana, office.visit(office.marta.membership) as marta:
        pages = together([lambda: dana.approve(request, office.tom), lambda: marta.cancel(request)])

    assert that_say(pages[:1], APPROVED) + that_say(pages[:1], "already cancelled by") == 1
    assert that_say(pages[1:], "Cancelled. We have told everybody concerned.") == 1
    office.wait_for_mails(request)
    assert office.now(request).status == "cancelled"
    office.check_in_step(request)
    assert office.told(office.marta.membership)[-1] == "Cancelled"


@at_each_speed
def test_of_two_who_move_an_appointment_the_later_one_decides(
    office: Office, graph_ms: int
) -> None:
    request = office.approved()
    slow_graph(office, graph_ms)
    days = [a_time() + timedelta(days=1), a_time() + timedelta(days=2)]

    with office.visit(office.dana) as dana, office.visit(office.drew) as drew:
        pages = together(
            [
                lambda: dana.move(request, days[0], office.tom),
                lambda: drew.move(request, days[1], office.aylin),
            ]
        )

    assert that_say(pages, MOVED) == 2
    office.wait_for_mails(request)
    office.check_in_step(request)
    moved = office.now(request)
    assert (moved.starts_at, moved.technician) in [(days[0], office.tom), (days[1], office.aylin)]
    assert last_calendar_file(office)["DTSTART"] == f"{moved.starts_at:%Y%m%dT%H%M%SZ}"


@at_each_speed
def test_a_client_who_cancels_while_it_is_moved_has_no_appointment(
    office: Office, graph_ms: int
) -> None:
    request = office.approved()
    slow_graph(office, graph_ms)

    with office.visit(office.dana) as dana, office.visit(office.marta.membership) as marta:
        pages = together(
            [
                lambda: dana.move(request, a_time() + timedelta(days=1), office.tom),
                lambda: marta.cancel(request),
            ]
        )

    assert that_say(pages[:1], MOVED) + that_say(pages[:1], "already cancelled by") == 1
    office.wait_for_mails(request)
    office.check_in_step(request)
    assert office.meetings() == []
    assert office.told(office.marta.membership)[-1] == "Cancelled"
    assert last_calendar_file(office)["STATUS"] == "CANCELLED"


@at_each_speed
def test_two_who_create_the_missing_meeting_make_one(office: Office, graph_ms: int) -> None:
    office.product.simulator.fault("create", status=429)
    request = office.approved()
    assert office.is_due(request)
    slow_graph(office, graph_ms)

    with office.visit(office.dana) as dana, office.visit(office.drew) as drew:
        pages = together(
            [lambda: dana.create_meeting(request), lambda: drew.create_meeting(request)]
        )

    # Whoever came while the other was at it does not read that it is done.
    # A page read while the other is still at it may say both.
    assert that_say(pages, MEETING_CREATED) >= 1
    assert all(
        that_say([page], MEETING_CREATED) or that_say([page], BEING_UPDATED) for page in pages
    )
    office.check_in_step(request)
    assert len(office.meetings()) == 1
    office.wait_for_mails(request)
    assert office.told(office.marta.membership) == ["Confirmed", "Updated"]


@at_each_speed
def test_two_who_try_again_move_the_meeting(office: Office, graph_ms: int) -> None:
    request = office.approved()
    office.product.simulator.fault("update", status=503)
    with office.visit(office.dana) as dana, office.visit(office.drew) as drew:
        dana.move(request, a_time() + timedelta(days=1), office.tom)
        assert office.is_due(request)
        slow_graph(office, graph_ms)
        pages = together([lambda: dana.try_again(request), lambda: drew.try_again(request)])

    # A page read while the other is still at it may say both.
    assert that_say(pages, IN_ORDER) >= 1
    assert all(that_say([page], IN_ORDER) or that_say([page], BEING_UPDATED) for page in pages)
    office.check_in_step(request)
    assert len(office.meetings()) == 1


def test_a_client_who_cancels_while_the_meeting_is_made_leaves_none(office: Office) -> None:
    request = office.request()

    with (
        office.visit(office.dana) as dana,
        office.visit(office.marta.membership) as marta,
        graph_at_work(office, "create", lambda: dana.approve(request, office.tom)),
    ):
        said = marta.cancel(request)

    assert "Cancelled. We have told everybody concerned." in said.notices
    office.wait_for_mails(request)
    office.check_in_step(request)
    assert office.happened(request, history.MEETING_DELETED) == 1
    assert office.told(office.marta.membership) == ["Cancelled"]
    assert office.told(office.tom) == []


def test_an_appointment_moved_while_its_meeting_is_made_has_it_at_the_new_time(
    office: Office,
) -> None:
    request, later = office.request(), a_time() + timedelta(days=1)

    with (
        office.visit(office.dana) as dana,
        office.visit(office.drew) as drew,
        graph_at_work(office, "create", lambda: dana.approve(request, office.tom)),
    ):
        said = drew.move(request, later, office.tom)

    assert {MOVED, BEING_UPDATED} <= set(said.notices)
    office.wait_for_mails(request)
    office.check_in_step(request)
    assert office.now(request).starts_at == later
    assert last_calendar_file(office)["DTSTART"] == f"{later:%Y%m%dT%H%M%SZ}"


def test_a_client_who_cancels_while_the_meeting_is_moved_leaves_none(office: Office) -> None:
    request, later = office.approved(), a_time() + timedelta(days=1)

    with (
        office.visit(office.dana) as dana,
        office.visit(office.marta.membership) as marta,
        graph_at_work(office, "update", lambda: dana.move(request, later, office.tom)),
    ):
        marta.cancel(request)

    office.wait_for_mails(request)
    office.check_in_step(request)
    assert office.told(office.marta.membership) == ["Confirmed", "Cancelled"]


def test_of_two_hundred_approvals_for_one_slot_one_wins_and_all_others_read_why(
    office: Office,
) -> None:
    requests = [office.request() for _ in range(200)]
    before = len(office.product.database_said())

    def approval(request: AppointmentRequest) -> Callable[[], Page]:
        visitor = stack.enter_context(office.visit(office.dana))
        return lambda: visitor.approve(request, office.tom)

    with ExitStack() as stack:
        pages = together([approval(request) for request in requests])

    assert that_say(pages, APPROVED) == 1
    assert that_say(pages, BUSY) + that_say(pages, TWO_PLACES) == 199
    assert len(office.meetings()) == 1
    assert "deadlock" not in office.product.database_said()[before:]
    statuses = [office.now(request).status for request in requests]
    assert (statuses.count("approved"), statuses.count("pending")) == (1, 199)
