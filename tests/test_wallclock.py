"""Between the clock on the wall and UTC, on the nights when clocks are moved too."""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from convene.forms import ZoneField
from convene.wallclock import (
    TimeDoesNotExist,
    span_label,
    to_utc,
    twice_note,
    validate_zone,
    zone_label,
    zone_names,
)

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


@pytest.mark.parametrize(
    ("zone", "day", "clock", "utc"),
    [
        (BERLIN, date(2026, 7, 1), time(9, 30), "2026-07-01T07:30"),
        (BERLIN, date(2026, 12, 1), time(9, 30), "2026-12-01T08:30"),
        (NEW_YORK, date(2026, 12, 1), time(22, 0), "2026-12-02T03:00"),
        # British Columbia stopped changing its clocks in 2026: an old tzdata says 18:00.
        (ZoneInfo("America/Vancouver"), date(2026, 12, 1), time(10, 0), "2026-12-01T17:00"),
        (LORD_HOWE, date(2026, 7, 1), time(10, 0), "2026-06-30T23:30"),
    ],
)
def test_a_wall_clock_time_is_one_moment(zone, day, clock, utc):
    instant = to_utc(day, clock, zone)

    assert instant.at == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert not instant.twice


@pytest.mark.parametrize(
    ("zone", "day", "clock"),
    [
        (BERLIN, date(2027, 3, 28), time(2, 30)),
        (NEW_YORK, date(2027, 3, 14), time(2, 0)),
        (LORD_HOWE, date(2026, 10, 4), time(2, 15)),
    ],
)
def test_a_time_that_the_clocks_skip_is_refused_with_a_sentence(zone, day, clock):
    with pytest.raises(
        TimeDoesNotExist, match=rf"{clock:%H:%M} does not exist on .* in {zone.key}"
    ):
        to_utc(day, clock, zone)


def test_of_a_time_that_happens_twice_the_first_is_taken_and_said():
    instant = to_utc(date(2026, 10, 25), time(2, 30), BERLIN)

    assert instant.twice
    assert instant.at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert "Europe/Berlin (CEST)" in twice_note(instant, BERLIN)


@pytest.mark.parametrize("hour", [0, 1])
def test_of_a_time_that_happens_twice_the_one_that_was_meant_is_taken_without_a_word(hour):
    meant = datetime(2026, 10, 25, hour, 30, tzinfo=UTC)

    instant = to_utc(date(2026, 10, 25), time(2, 30), BERLIN, meant=meant)

    assert (instant.at, instant.twice) == (meant, False)


def test_a_moment_that_the_clock_does_not_show_is_not_what_was_meant():
    meant = datetime(2026, 10, 25, 1, 45, tzinfo=UTC)

    instant = to_utc(date(2026, 10, 25), time(2, 30), BERLIN, meant=meant)

    assert instant.at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant.twice


def test_a_zone_is_read_with_its_abbreviation_of_the_day():
    assert zone_label(datetime(2026, 7, 1, tzinfo=UTC), BERLIN) == "Europe/Berlin (CEST)"
    assert zone_label(datetime(2026, 12, 1, tzinfo=UTC), BERLIN) == "Europe/Berlin (CET)"
    assert zone_label(datetime(2026, 12, 1, tzinfo=UTC), ZoneInfo("UTC")) == "UTC"


def test_hours_across_midnight_name_the_later_day():
    start = datetime(2026, 12, 1, 22, 45, tzinfo=UTC)
    end = datetime(2026, 12, 1, 23, 15, tzinfo=UTC)

    assert span_label(start, end, BERLIN) == "23:45–00:15 (2 December)"
    assert span_label(start, end, NEW_YORK) == "17:45–18:15"


def test_only_zones_of_the_installed_tzdata_are_accepted():
    validate_zone("America/Vancouver")
    with pytest.raises(ValidationError):
        validate_zone("Mars/Olympus")
    assert zone_names()[0] == "UTC"


def test_a_choice_of_zones_has_all_of_them_and_the_chosen_one_is_chosen():
    field = ZoneField(label="Zone", empty="As the MSP")

    shown = field.widget.render("zone", "Europe/Berlin", {"id": "id_zone"})

    assert re.findall(r'<option value="([^"]*)" selected>', shown) == ["Europe/Berlin"]
    assert shown.startswith('<select id="id_zone" name="zone"><option value="">As the MSP</option>')
    assert re.findall(r'<option value="([^"]*)"', shown) == ["", *zone_names()]
    assert '<optgroup label="America"><option value="America/Adak">' in shown


@pytest.mark.parametrize("zone", ["Europe/Nowhere", '"><script>'])
def test_a_zone_that_there_is_not_is_refused_and_harmless(zone):
    field = ZoneField(label="Zone")

    with pytest.raises(ValidationError, match="Unknown time zone"):
        field.clean(zone)
    assert "selected" not in field.widget.render("zone", zone)
    assert "<script>" not in field.widget.render("zone", zone)
