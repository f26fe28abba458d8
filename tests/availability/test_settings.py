"""Settings > Availability: what is typed, saved, tried, and said."""

import re
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from django.test import Client as Browser

from convene.availability.models import AvailabilityException, BookingRules, Weekday, WorkingHours
from convene.tenancy.db import tenant_atomic
from convene.tenancy.permissions import Role
from tests.availability.make import make_hours, make_rules, make_time_off
from tests.make import a_time, make_member, make_service, make_tenant

pytestmark = pytest.mark.usefixtures("db")

GENERAL = {
    "notice_hours": "8",
    "horizon_days": "30",
    "step_minutes": "15",
    "buffer_before": "0",
    "buffer_after": "10",
    "daily_limit": "5",
    "allow_preferred": "on",
}


class Settings:
    """The settings as an administrator in Berlin sees them."""

    def __init__(self, role: Role = Role.ADMIN) -> None:
        self.tenant = make_tenant()
        self.browser = Browser()
        self.browser.force_login(make_member(self.tenant, role=role).user)
        self.dana = make_member(self.tenant, "Dana", Role.TECHNICIAN)
        self.service = make_service(self.tenant, "Visit", self.dana)

    def url(self, tab: str) -> str:
        return f"/t/{self.tenant.slug}/settings/availability/{tab}/"

    def read(self, tab: str) -> str:
        answer = self.browser.get(self.url(tab))
        assert answer.status_code == 200
        return answer.content.decode()

    def save(self, tab: str, **form: Any) -> Any:
        return self.browser.post(self.url(tab), form)

    def hours(self) -> list[tuple[int, time, time]]:
        with tenant_atomic(self.tenant):
            return list(WorkingHours.objects.values_list("weekday", "starts_at", "ends_at"))

    def week(self, *lines: tuple[int, str, str], **fields: Any) -> dict[str, Any]:
        """The form of Dana's hours as a browser sends it."""
        form: dict[str, Any] = {
            "hours-TOTAL_FORMS": str(len(lines)),
            "hours-INITIAL_FORMS": "0",
            "timezone": "",
        }
        for n, (weekday, start, end) in enumerate(lines):
            form |= {
                f"hours-{n}-weekday": str(weekday),
                f"hours-{n}-starts_at": start,
                f"hours-{n}-ends_at": end,
            }
        return form | fields


# General


def test_general_shows_what_counts_before_anything_was_saved():
    page = Settings().read("general")

    assert 'name="notice_hours" value="4"' in page
    assert 'name="horizon_days" value="60"' in page


def test_what_is_saved_in_general_counts():
    settings = Settings()

    assert settings.save("general", **GENERAL).status_code == 303

    with tenant_atomic(settings.tenant):
        row = BookingRules.objects.get()
    assert (row.notice_hours, row.step_minutes, row.buffer_after) == (8, 15, 10)
    assert (row.allow_preferred, row.auto_approve) == (True, False)


def test_saving_general_twice_keeps_one_row():
    settings = Settings()

    for _ in range(2):
        settings.save("general", **GENERAL)

    with tenant_atomic(settings.tenant):
        assert BookingRules.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("notice_hours", "721"), ("horizon_days", ""), ("step_minutes", "7"), ("daily_limit", "-1")],
)
def test_a_rule_that_cannot_be_is_refused_and_the_others_stay_typed(field, value):
    answer = Settings().save("general", **GENERAL | {field: value, "buffer_before": "25"})

    assert answer.status_code == 422
    assert 'name="buffer_before" value="25"' in answer.content.decode()


def test_what_follows_is_shown_and_nothing_is_saved():
    settings = Settings()
    make_hours(settings.dana)

    answer = settings.save("general", **GENERAL | {"notice_hours": "720", "try": "1"})

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "No free time in the next four weeks." in page
    assert 'name="notice_hours" value="720"' in page
    assert "No free time in the next four weeks." not in settings.read("general")


def test_while_nobody_has_hours_it_is_said_that_the_rules_do_not_count():
    assert "Nobody has working hours yet." in Settings().read("general")


def test_general_offers_no_empty_choice_because_nothing_is_left_open():
    assert "---------" not in Settings().read("general")


def test_a_dispatcher_reads_the_rules_as_text():
    settings = Settings(Role.DISPATCHER)
    make_rules(settings.tenant, notice_hours=8)

    page = settings.read("general")

    assert re.search(r"<dd>\s*8 hours\s*</dd>", page)
    assert re.search("<(input|select)[^>]*name=.(?!csrf)", page) is None
    assert ">Save<" not in page


# What all tabs share

TABS = ("general", "hours", "services", "exceptions")


@pytest.mark.parametrize("tab", TABS)
def test_who_may_only_read_is_told_once_who_can_change_it(tab):
    sentence = "Only administrators can change this."

    assert Settings(Role.DISPATCHER).read(tab).count(sentence) == 1
    assert sentence not in Settings().read(tab)


@pytest.mark.parametrize(("role", "told"), [(Role.DISPATCHER, 1), (Role.ADMIN, 0)])
def test_the_list_of_services_tells_it_as_well(role, told):
    settings = Settings(role)

    page = settings.browser.get(f"/t/{settings.tenant.slug}/services/").content.decode()

    assert page.count("Only administrators can change this.") == told


def test_every_page_has_a_title_and_a_heading_of_its_own():
    settings = Settings()
    pages = {tab: settings.read(tab) for tab in TABS}
    pages["week"] = settings.read(f"hours/{settings.dana.id}")
    pages["rules"] = settings.read(f"services/{settings.service.id}")

    titles = {name: " ".join(found(r"<title>\s*(.*?)\s*·", page)) for name, page in pages.items()}
    headings = {name: " ".join(found("<h1>(.*?)</h1>", page)) for name, page in pages.items()}

    assert titles == headings
    assert headings == {
        "general": "General",
        "hours": "Working hours",
        "services": "Booking rules by service",
        "exceptions": "Exceptions",
        "week": "Working hours of Dana",
        "rules": "Visit",
    }


def found(pattern: str, page: str) -> list[str]:
    return re.findall(pattern, page, re.DOTALL)


# Working hours


def test_a_zone_is_named_behind_whose_hours_are_not_by_the_clock_of_the_tenant():
    settings = Settings()
    ines = make_member(settings.tenant, "Ines", Role.TECHNICIAN, timezone="Europe/Lisbon")
    make_hours(settings.dana, ines)

    page = settings.read("hours")

    behind = dict(re.findall(r">(Dana|Ines)</a>(.*?)<div", page, re.DOTALL))
    assert "Europe/Lisbon" in behind["Ines"]
    assert "Europe" not in behind["Dana"]


def test_each_day_of_a_week_is_a_group_that_is_named():
    settings = Settings()
    make_hours(settings.dana)

    page = settings.read(f"hours/{settings.dana.id}")

    groups = re.findall("<legend[^>]*>(.*?)</legend>(.*?)</fieldset>", page, re.DOTALL)
    days = [name for name, inside in groups if 'name="hours-' in inside]
    assert days == [str(label) for label in Weekday.labels]


def test_a_week_is_saved_and_replaces_the_old_one():
    settings = Settings()
    make_hours(settings.dana)

    answer = settings.save(
        f"hours/{settings.dana.id}",
        **settings.week((0, "09:00", "12:00"), (0, "13:00", "17:00"), (1, "", "")),
    )

    assert answer.status_code == 303
    assert settings.hours() == [(0, time(9), time(12)), (0, time(13), time(17))]


def test_hours_are_copied_to_other_days_instead_of_their_own():
    settings = Settings()

    settings.save(
        f"hours/{settings.dana.id}",
        **settings.week(
            (0, "09:00", "12:00"), (1, "10:00", "11:00"), copy_from="0", copy_to=["1", "2"]
        ),
    )

    assert settings.hours() == [(day, time(9), time(12)) for day in (0, 1, 2)]


@pytest.mark.parametrize("weekday", ["9", "x", ""])
def test_hours_of_a_day_that_no_week_has_are_refused(weekday: str):
    settings = Settings()
    week = settings.week((0, "09:00", "12:00")) | {"hours-0-weekday": weekday}

    answer = settings.save(f"hours/{settings.dana.id}", **week)

    assert answer.status_code == 422
    assert settings.hours() == []


def test_hours_keep_their_zone_and_their_days():
    settings = Settings()
    week = settings.week((0, "09:00", "12:00"), timezone="America/New_York")

    settings.save(
        f"hours/{settings.dana.id}",
        **week | {"hours-0-effective_from": "2027-01-01", "hours-0-effective_until": "2027-02-01"},
    )

    with tenant_atomic(settings.tenant):
        row = WorkingHours.objects.get()
    assert row.timezone == "America/New_York"
    assert (row.effective_from, row.effective_until) == (date(2027, 1, 1), date(2027, 2, 1))
    page = settings.read("hours")
    assert "America/New_York" in page
    assert "until 1 Feb 2027" in page


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ((0, "09:00", ""), "Give both times, or neither."),
        ((0, "09:00", "09:00"), "These hours end when they begin."),
        ((0, "nine", "12:00"), "Enter a valid time."),
    ],
)
def test_a_line_that_cannot_be_is_marked_and_nothing_is_lost(line, sentence):
    settings = Settings()
    make_hours(settings.dana)
    before = settings.hours()

    answer = settings.save(
        f"hours/{settings.dana.id}", **settings.week(line, (1, "07:11", "08:00"))
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert 'value="07:11"' in page
    assert settings.hours() == before


def test_the_whole_day_and_the_night_are_hours_too():
    settings = Settings()

    answer = settings.save(
        f"hours/{settings.dana.id}",
        **settings.week((0, "00:00", "00:00"), (1, "22:00", "06:00")),
    )

    assert answer.status_code == 303


def test_who_has_no_hours_is_named_once_somebody_has():
    settings = Settings()
    assert "Nobody has working hours yet" in settings.read("hours")

    make_hours(settings.dana)

    assert "No hours: never offered to clients." in settings.read("hours")  # the administrator


# Services


def test_a_service_shows_what_counts_and_where_it_was_set():
    settings = Settings()
    make_rules(settings.tenant, notice_hours=8)
    make_rules(settings.tenant, service=settings.service, buffer_after=1)

    page = settings.read("services")

    assert "8 hours, from General" in page
    assert "1 minute, from this service" in page
    assert "60 days, from Convene&#x27;s default" in page
    assert "Otherwise 8 hours, from General." in settings.read(f"services/{settings.service.id}")


def test_only_what_differs_is_kept_with_a_service():
    settings = Settings()
    tab = f"services/{settings.service.id}"

    settings.save(tab, daily_limit="0", auto_approve="yes", allow_preferred="")

    with tenant_atomic(settings.tenant):
        row = BookingRules.objects.get(service=settings.service)
    assert (row.daily_limit, row.auto_approve) == (0, True)
    assert (row.notice_hours, row.allow_preferred) == (None, None)


def test_a_service_that_differs_in_nothing_has_no_rules_of_its_own():
    settings = Settings()
    make_rules(settings.tenant, service=settings.service, buffer_after=10)

    settings.save(f"services/{settings.service.id}")

    with tenant_atomic(settings.tenant):
        assert not BookingRules.objects.exists()


def test_a_no_of_a_service_is_shown_as_no():
    settings = Settings()
    make_rules(settings.tenant, service=settings.service, allow_preferred=False)

    assert '<option value="no" selected>' in settings.read(f"services/{settings.service.id}")


def test_a_service_that_nobody_performs_says_so():
    settings = Settings()
    make_service(settings.tenant, "Magic")

    assert "Nobody performs this service" in settings.read("services")


# Exceptions


EXCEPTION = {
    "kind": "off",
    "first_day": "2027-12-24",
    "last_day": "2027-12-26",
    "reason": "Winter break",
    "technician": "",
}


def test_an_exception_is_added_shown_and_removed():
    settings = Settings()

    assert settings.save("exceptions", **EXCEPTION).status_code == 303
    assert "Winter break" in settings.read("exceptions")
    with tenant_atomic(settings.tenant):
        row = AvailabilityException.objects.get()

    settings.save(f"exceptions/{row.id}/delete")

    assert "Winter break" not in settings.read("exceptions")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"last_day": "2027-12-23"}, "The last day is before the first."),
        ({"starts_at": "09:00"}, "Give both times, or neither for whole days."),
        ({"first_day": ""}, "This field is required."),
    ],
)
def test_an_exception_that_cannot_be_is_refused_in_words(fields, sentence):
    answer = Settings().save("exceptions", **EXCEPTION | fields)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert "Winter break" in page


def test_only_people_of_the_tenant_can_be_off():
    settings, other = Settings(), Settings()

    answer = settings.save("exceptions", **EXCEPTION | {"technician": str(other.dana.id)})

    assert answer.status_code == 422


def test_what_is_over_is_not_listed():
    settings = Settings()
    make_time_off(settings.tenant, date(2020, 1, 1), reason="Long ago")

    assert "Long ago" not in settings.read("exceptions")


def test_what_an_exception_takes_away_is_seen_before_it_is_saved():
    settings = Settings()
    make_hours(settings.dana)
    today = datetime.now(UTC).date()

    answer = settings.save(
        "exceptions",
        **EXCEPTION | {"first_day": f"{today}", "last_day": f"{a_time(days=60):%Y-%m-%d}"},
        **{"try": "1"},
    )

    assert "No free time in the next four weeks." in answer.content.decode()
    with tenant_atomic(settings.tenant):
        assert not AvailabilityException.objects.exists()
