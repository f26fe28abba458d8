"""kill -9 at the worst moments, and a start after it: nothing that people did is lost."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal

import httpx2
import pytest

from convene.appointments import history
from ee.running.office import Office
from ee.running.product import Product, until
from tests.make import a_time

pytestmark = pytest.mark.timeout(60)

Crash = Callable[[Product], None]

INTERRUPTED = "The meeting was being changed when the work was interrupted."
BEING_UPDATED = "The Microsoft Teams meeting is being updated."
MEETING_CREATED = "The meeting was created. Everybody concerned is told."
IN_ORDER = "The meeting is as it should be."


def the_web_process(product: Product) -> None:
    """What gunicorn runs dies; gunicorn itself starts it again."""
    product.web.kill_children()
    product.wait_for_web()


def the_whole_web(product: Product) -> None:
    product.web.kill()
    product.start_web()


@contextmanager
def dying(act: Callable[[], object], crash: Callable[[], None]) -> Iterator[None]:
    """Let somebody act, do what is in the block, and crash before they have an answer."""
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act)
        yield
        crash()
        assert isinstance(acting.exception(), httpx2.TransportError)


@pytest.mark.parametrize("crash", [the_web_process, the_whole_web])
@pytest.mark.parametrize("written", [False, True], ids=["before Graph wrote", "after Graph wrote"])
def test_an_approval_survives_a_death_while_its_meeting_is_made(
    office: Office, crash: Crash, written: bool
) -> None:
    request, simulator = office.request(), office.product.simulator
    if written:
        simulator.fault("create", when="after", delay_ms=3000)
    else:
        simulator.fault("create", when="before", delay_ms=3000, reset=True)

    with office.visit(office.dana) as dana:
        with dying(lambda: dana.approve(request, office.tom), lambda: crash(office.product)):
            until(lambda: simulator.calls("create"), "Graph is asked")
            until(lambda: len(office.meetings()) == written, "Graph has written or not")
        assert BEING_UPDATED in dana.open(request).notices
        office.product.two_minutes_pass()
        office.wait_for_mails(request)

        assert office.now(request).is_approved
        assert office.told(office.marta.membership) == ["Confirmed"]
        assert office.told(office.tom) == ["Assigned to you"]
        assert INTERRUPTED in dana.attention().text
        assert MEETING_CREATED in dana.create_meeting(request).notices

    office.wait_for_mails(request)
    assert office.told(office.marta.membership) == ["Confirmed", "Updated"]
    assert not office.is_due(request)
    # Nobody heard of a meeting that Graph had made; the history says that it may remain.
    assert len(office.meetings()) == written + 1
    assert office.now(request).online_meeting_id in [meeting.id for meeting in office.meetings()]
    assert office.happened(request, history.MEETING_MAY_REMAIN) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_move_survives_a_death_while_the_meeting_is_moved(office: Office, when: str) -> None:
    request, later = office.approved(), a_time() + timedelta(days=1)
    simulator = office.product.simulator
    simulator.fault("update", when=when, delay_ms=3000, reset=when == "before")

    with office.visit(office.dana) as dana:
        with dying(
            lambda: dana.move(request, later, office.tom), lambda: the_whole_web(office.product)
        ):
            until(lambda: simulator.calls("update"), "Graph is asked")
        office.product.two_minutes_pass()
        office.wait_for_mails(request)

        assert office.now(request).starts_at == later
        assert office.told(office.marta.membership) == ["Confirmed", "Moved"]
        assert INTERRUPTED in dana.attention().text
        assert IN_ORDER in dana.try_again(request).notices

    office.check_in_step(request)
    assert len(office.meetings()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cancellation_survives_a_death_while_the_meeting_is_removed(
    office: Office, when: str
) -> None:
    request, simulator = office.approved(), office.product.simulator
    simulator.fault("delete", when=when, delay_ms=3000, reset=when == "before")

    with office.visit(office.dana) as dana, office.visit(office.marta.membership) as marta:
        with dying(lambda: marta.cancel(request), lambda: the_whole_web(office.product)):
            until(lambda: simulator.calls("delete"), "Graph is asked")
        office.wait_for_mails(request)  # they wait for no meeting
        assert office.told(office.marta.membership) == ["Confirmed", "Cancelled"]
        office.product.two_minutes_pass()
        assert INTERRUPTED in dana.attention().text
        assert IN_ORDER in dana.try_again(request).notices

    office.check_in_step(request)
    assert office.meetings() == []


@pytest.mark.parametrize(
    ("hesitates", "copies"),
    [("before", [1, 1]), ("after", [1, 2])],
    ids=["before the server took the mail", "after the server took the mail"],
)
def test_no_mail_is_lost_when_the_worker_dies_while_sending(
    office: Office, hesitates: Literal["before", "after"], copies: list[int]
) -> None:
    product, mails = office.product, office.product.mails
    mails.hesitates = hesitates

    request = office.request()
    with office.visit(office.dana) as dana:
        dana.approve(request, office.tom, with_meeting=False)
    until(mails.somebody_waits.is_set, "the worker waits for the mail server")
    product.worker.kill()
    mails.quick_again()
    product.start_worker()
    product.two_minutes_pass()
    office.wait_for_mails(request)

    assert set(office.told(office.marta.membership)) == {"Confirmed"}
    assert set(office.told(office.tom)) == {"Assigned to you"}
    # Twice only what the server had taken without a word, so that mail programs show it once.
    ours = [*mails.to(office.marta.email), *mails.to(office.tom.user.email)]
    assert sorted(Counter(str(mail["Message-ID"]) for mail in ours).values()) == copies
