"""Busy time: who enters it, on which clock, and what is said of appointments in its way."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client as Browser
from django.urls import reverse

from convene.appointments import actions, history
from convene.appointments.actions import Refused
from convene.events.models import Event
from convene.schedule.models import EntryKind, ScheduleEntry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership
from convene.tenancy.permissions import Role
from tests.availability.make import make_entry
from tests.forms import filled_in
from tests.make import make_member, make_request, make_service, make_tenant

pytestmark = pytest.mark.usefixtures("db")


def at(day: int, hour: int, minute: int = 0, month: int = 6) -> datetime:
    """In UTC; in summer two hours behind Berlin."""
    return datetime(2030, month, day, hour, minute, tzinfo=UTC)


class Desk:
    """Dana the dispatcher and two technicians, in Berlin."""

    def __init__(self) -> None:
        self.tenant = make_tenant(timezone="Europe/Berlin")
        self.dana = make_member(self.tenant, "Dana")
        self.tom = make_member(self.tenant, "Tom", Role.TECHNICIAN)
        self.aylin = make_member(self.tenant, "Aylin", Role.TECHNICIAN)

    def url(self, name: str = "new_busy", *args: Any) -> str:
        return reverse(f"appointments:{name}", args=[self.tenant.slug, *args])

    def post(self, url: str, who: Membership | None = None, **fields: Any):
        browser = Browser()
        browser.force_login((who or self.dana).user)
        return browser.post(url, self.form(**fields), follow=True)

    def form(self, **fields: Any) -> dict[str, Any]:
        usual = {
            "technician": self.tom.id,
            "title": "Dentist",
            "first_day": "2030-06-04",
            "from_time": "14:00",
            "to_time": "15:30",
            "timezone": "Europe/Berlin",
        }
        return usual | fields

    def entries(self) -> list[tuple[str, str, datetime, datetime]]:
        with tenant_atomic(self.tenant):
            rows = ScheduleEntry.objects.filter(kind=EntryKind.BUSY).order_by("starts_at")
            return [
                (str(row.technician), row.title, row.starts_at, row.ends_at)
                for row in rows.select_related("technician__user")
            ]


def said(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_hours_of_a_day_are_entered_by_the_clock_on_the_wall():
    desk = Desk()

    answer = desk.post(desk.url())

    assert desk.entries() == [("Tom", "Dentist", at(4, 12), at(4, 13, 30))]
    assert answer.redirect_chain == [(f"/t/{desk.tenant.slug}/calendar/?day=2030-06-04", 303)]
    assert "The busy time is entered." in said(answer)


def test_without_times_it_is_whole_days():
    desk = Desk()

    desk.post(desk.url(), from_time="", to_time="", last_day="2030-06-06")

    assert desk.entries() == [("Tom", "Dentist", at(3, 22), at(6, 22))]


def test_it_may_go_on_until_an_hour_of_another_day():
    desk = Desk()

    desk.post(desk.url(), last_day="2030-06-05", to_time="09:00")

    assert desk.entries() == [("Tom", "Dentist", at(4, 12), at(5, 7))]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"to_time": "14:00"}, "The end is not after the start."),
        ({"last_day": "2030-06-03"}, "The last day is before the first."),
        ({"to_time": ""}, "Give both times, or neither for whole days."),
        ({"title": " "}, "This field is required."),
        ({"first_day": "2030-03-31", "from_time": "02:30"}, "02:30 does not exist on"),
        ({"first_day": "9999-12-31", "from_time": "", "to_time": ""}, "Ensure this value"),
        ({"timezone": "Mars/Olympus"}, "Please look at the marked fields."),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(fields, sentence):
    desk = Desk()

    answer = desk.post(desk.url(), **fields)

    assert answer.status_code == 422
    assert sentence in said(answer)
    assert desk.entries() == []


def test_of_a_time_that_happens_twice_the_first_is_taken_and_that_is_said():
    desk = Desk()

    answer = desk.post(desk.url(), first_day="2030-10-27", from_time="02:30", to_time="03:30")

    assert desk.entries() == [("Tom", "Dentist", at(27, 0, 30, 10), at(27, 2, 30, 10))]
    assert "This time happens twice that night" in said(answer)


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        # 02:30 for the second time, until 02:45 of the same night
        ("Europe/Berlin", at(27, 1, 30, 10), at(27, 1, 45, 10)),
        # from the first 02:30 until the second one
        ("Europe/Berlin", at(27, 0, 30, 10), at(27, 1, 30, 10)),
        # from the second midnight of a day
        ("America/Havana", at(3, 5, 0, 11), at(4, 5, 0, 11)),
    ],
)
def test_what_is_opened_and_saved_unchanged_stays_at_its_moments(zone, start, end):
    desk = Desk()
    desk.dana.timezone = zone
    desk.dana.save(update_fields=["timezone"])
    entry = make_entry(desk.tom, start, end)
    browser = Browser()
    browser.force_login(desk.dana.user)
    page = browser.get(desk.url("busy", entry.id))

    answer = browser.post(desk.url("busy", entry.id), filled_in(page, "busy"), follow=True)

    assert desk.entries() == [("Tom", entry.title, start, end)]
    assert "The busy time is changed." in said(answer)
    assert "This time happens twice" not in said(answer)


def test_another_time_of_the_clock_is_another_moment_than_the_one_it_was_opened_with():
    desk = Desk()
    entry = make_entry(desk.tom, at(27, 1, 30, 10), at(27, 3, 30, 10))
    browser = Browser()
    browser.force_login(desk.dana.user)
    fields = filled_in(browser.get(desk.url("busy", entry.id)), "busy")

    browser.post(desk.url("busy", entry.id), fields | {"from_time": "03:30"})

    assert desk.entries() == [("Tom", entry.title, at(27, 2, 30, 10), at(27, 3, 30, 10))]


def test_appointments_in_its_way_stay_and_are_named():
    desk = Desk()
    request = make_request(
        desk.tenant, service=make_service(desk.tenant, "Onboarding call"), start=at(4, 12, 30)
    )
    actions.approve_appointment_request(
        desk.tenant,
        request.id,
        by=desk.dana,
        technician=desk.tom,
        starts_at=at(4, 12, 30),
        with_meeting=False,
    )

    answer = desk.post(desk.url())

    assert "Tom has an appointment then: Onboarding call" in said(answer)
    assert "14:30–15:00." in said(answer)
    assert len(desk.entries()) == 1


def test_it_is_changed_and_given_to_somebody_else():
    desk = Desk()
    entry = make_entry(desk.tom, at(4, 12), at(4, 13))

    answer = desk.post(
        desk.url("busy", entry.id),
        technician=desk.aylin.id,
        title="Training",
        from_time="16:00",
        to_time="17:00",
    )

    assert "The busy time is changed." in said(answer)
    assert desk.entries() == [("Aylin", "Training", at(4, 14), at(4, 15))]


def test_the_form_shows_an_entry_as_it_was_entered():
    desk = Desk()
    browser = Browser()
    browser.force_login(desk.dana.user)
    desk.post(desk.url(), from_time="", to_time="", last_day="2030-06-06")
    with tenant_atomic(desk.tenant):
        entry = ScheduleEntry.objects.get()

    form = browser.get(desk.url("busy", entry.id)).context["form"]

    shown = {name: form[name].value() for name in ("first_day", "last_day", "from_time")}
    assert shown == {
        "first_day": date(2030, 6, 4),
        "last_day": date(2030, 6, 6),
        "from_time": None,
    }


def test_it_is_removed():
    desk = Desk()
    entry = make_entry(desk.tom, at(4, 12), at(4, 13))

    answer = desk.post(desk.url("remove_busy", entry.id))

    assert "The busy time is removed." in said(answer)
    assert desk.entries() == []


def test_what_was_done_is_in_the_history():
    desk = Desk()
    entered = actions.add_busy_entry(
        desk.tenant,
        by=desk.tom,
        technician=desk.tom,
        starts_at=at(4, 12),
        ends_at=at(4, 13),
        title="Dentist",
    )
    entry_id = entered.entry.id
    actions.change_busy_entry(
        desk.tenant,
        entry_id,
        by=desk.dana,
        technician=desk.aylin,
        starts_at=at(4, 13),
        ends_at=at(4, 14),
        title="Dentist",
    )
    actions.delete_schedule_entry(desk.tenant, entry_id, by=desk.aylin)

    with tenant_atomic(desk.tenant):
        events = list(Event.objects.filter(subject_id=entry_id))
    assert [(event.kind, event.actor_name) for event in events] == [
        (history.ENTRY_CREATED, "Tom"),
        (history.ENTRY_UPDATED, "Dana"),
        (history.ENTRY_DELETED, "Aylin"),
    ]
    assert events[1].before["technician"] == "Tom"
    assert events[1].after["start"] == "2030-06-04T13:00:00+00:00"


def test_the_calendar_is_shown_as_it_was_left():
    desk = Desk()

    answer = desk.post(desk.url(), calendar="view=team&day=2030-06-04&technician=")

    page = f"/t/{desk.tenant.slug}/calendar/"
    assert answer.redirect_chain == [(f"{page}?view=team&day=2030-06-04&technician=", 303)]


def test_the_way_back_to_the_calendar_carries_nothing_else():
    desk = Desk()
    left = f"day=2030-06-04&next=//evil.example&view={'x' * 3000}"

    [(address, status)] = desk.post(desk.url(), calendar=left).redirect_chain

    assert status == 303
    assert address.startswith(f"/t/{desk.tenant.slug}/calendar/?")
    assert "evil" not in address
    assert len(address) < 120


# Whose it may be


def test_technicians_enter_their_own_and_nobody_elses():
    desk = Desk()

    own = desk.post(desk.url(), desk.tom)
    others = desk.post(desk.url(), desk.tom, technician=desk.aylin.id)

    assert own.status_code == 200
    assert others.status_code == 422
    assert len(desk.entries()) == 1


def test_a_colleagues_busy_time_is_not_for_a_technician():
    desk = Desk()
    entry = make_entry(desk.aylin, at(4, 12), at(4, 13))

    for name in ("busy", "remove_busy"):
        assert desk.post(desk.url(name, entry.id), desk.tom).status_code == 403
    assert desk.entries() == [("Aylin", "Dentist", at(4, 12), at(4, 13))]


def test_a_technician_cannot_take_over_a_colleagues_entry_past_the_page():
    desk = Desk()
    entry = make_entry(desk.aylin, at(4, 12), at(4, 13))

    with pytest.raises(PermissionDenied):
        actions.change_busy_entry(
            desk.tenant,
            entry.id,
            by=desk.tom,
            technician=desk.tom,
            starts_at=at(4, 12),
            ends_at=at(4, 13),
            title="Mine",
        )
    with pytest.raises(PermissionDenied):
        actions.delete_schedule_entry(desk.tenant, entry.id, by=desk.tom)


def test_a_client_has_no_calendar():
    desk = Desk()
    client = make_member(desk.tenant, role=Role.CLIENT)

    with pytest.raises(Refused, match="has no calendar"):
        actions.add_busy_entry(
            desk.tenant,
            by=desk.dana,
            technician=client,
            starts_at=at(4, 12),
            ends_at=at(4, 13),
            title="Holiday",
        )


def test_an_appointments_entry_is_no_busy_time():
    desk = Desk()
    entry = make_entry(desk.tom, at(4, 12), at(4, 13), kind=EntryKind.APPOINTMENT)

    assert desk.post(desk.url("busy", entry.id)).status_code == 404
    assert desk.post(desk.url("remove_busy", entry.id)).status_code == 404
