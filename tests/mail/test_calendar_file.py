from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import ics  # type: ignore[import-untyped]  # it has no types
import pytest
import vobject  # type: ignore[import-untyped]  # it has no types
from hypothesis import given
from hypothesis import strategies as st

from convene.mail.calendar_file import CalendarEvent, Person, build, content_type

JOIN_URL = "https://meet.example.com/l/19%3ameeting_x%40thread.v2/0?context=%7b%22Tid%22%7d&a=1,2;3"


def make_event(**changes: object) -> CalendarEvent:
    event = CalendarEvent(
        uid="6f1c2b9e@convene.example.com",
        sequence=2,
        starts_at=datetime(2026, 12, 1, 14, 0, tzinfo=ZoneInfo("Europe/Berlin")),
        ends_at=datetime(2026, 12, 1, 14, 30, tzinfo=ZoneInfo("Europe/Berlin")),
        stamped_at=datetime(2026, 11, 23, 9, 15, tzinfo=UTC),
        summary="Onboarding call",
        description="Reference K7M2",
        organizer=Person("Northwind IT", "dispatch@northwind.example"),
        attendees=(
            Person("Ada Lovelace", "ada@example.com"),
            Person("Dana Field", "dana@northwind.example"),
        ),
        cancelled=False,
        url=JOIN_URL,
        location="Video meeting",
        join_line=f"Join the video meeting: {JOIN_URL}",
    )
    return replace(event, **changes)  # type: ignore[arg-type]  # the fields of CalendarEvent


def lines(event: CalendarEvent) -> list[str]:
    """The file as it stands, unfolded."""
    return build(event).decode().replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


def test_the_whole_file() -> None:
    assert lines(make_event()) == [
        "BEGIN:VCALENDAR",
        "PRODID:-//Convene//Appointments//EN",
        "VERSION:2.0",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        "UID:6f1c2b9e@convene.example.com",
        "SEQUENCE:2",
        "DTSTAMP:20261123T091500Z",
        "DTSTART:20261201T130000Z",
        "DTEND:20261201T133000Z",
        "STATUS:CONFIRMED",
        "SUMMARY:Onboarding call",
        "DESCRIPTION:Reference K7M2\\n\\nJoin the video meeting: "
        + JOIN_URL.replace(",", "\\,").replace(";", "\\;"),
        "LOCATION:Video meeting",
        'ORGANIZER;CN="Northwind IT":mailto:dispatch@northwind.example',
        'ATTENDEE;CN="Ada Lovelace";ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:'
        "mailto:ada@example.com",
        'ATTENDEE;CN="Dana Field";ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:'
        "mailto:dana@northwind.example",
        f"URL:{JOIN_URL}",
        f"CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL=Video meeting:{JOIN_URL}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


def test_without_a_meeting_there_is_no_trace_of_one() -> None:
    event = make_event(url="", location="", join_line="")

    names = [line.partition(":")[0].partition(";")[0] for line in lines(event)]

    assert "DESCRIPTION:Reference K7M2" in lines(event)
    assert not {"URL", "CONFERENCE", "LOCATION"} & set(names)


def test_the_same_event_always_gives_the_same_bytes() -> None:
    assert build(make_event()) == build(make_event())


def test_a_cancellation_is_about_the_same_event() -> None:
    request, cancellation = make_event(), make_event(cancelled=True, sequence=3)

    changed = [
        (old, new)
        for old, new in zip(lines(request), lines(cancellation), strict=True)
        if old != new
    ]

    assert changed == [
        ("METHOD:REQUEST", "METHOD:CANCEL"),
        ("SEQUENCE:2", "SEQUENCE:3"),
        ("STATUS:CONFIRMED", "STATUS:CANCELLED"),
    ]


@pytest.mark.parametrize(("cancelled", "method"), [(False, "REQUEST"), (True, "CANCEL")])
def test_the_content_type_names_the_method(cancelled: bool, method: str) -> None:
    event = make_event(cancelled=cancelled)

    assert content_type(event) == f"text/calendar; method={method}; charset=utf-8"


AWKWARD = 'Übergabe; "Büro", Köln \\ 日本語 🗓️'


@pytest.mark.parametrize("cancelled", [False, True])
def test_vobject_reads_what_we_wrote(cancelled: bool) -> None:
    event = make_event(
        summary=AWKWARD, description=f"{AWKWARD}\nsecond line", location="Büro, 1; 2"
    )

    calendar = vobject.readOne(build(replace(event, cancelled=cancelled)).decode())

    read = calendar.vevent
    assert calendar.method.value == ("CANCEL" if cancelled else "REQUEST")
    assert read.uid.value == event.uid
    assert read.sequence.value == "2"
    assert read.status.value == ("CANCELLED" if cancelled else "CONFIRMED")
    assert read.dtstart.value == event.starts_at
    assert read.dtend.value == event.ends_at
    assert read.dtstamp.value == event.stamped_at
    assert read.summary.value == AWKWARD
    assert read.description.value == f"{AWKWARD}\nsecond line\n\n{event.join_line}"
    assert read.location.value == "Büro, 1; 2"
    assert read.url.value == JOIN_URL
    assert read.conference.params["FEATURE"] == ["AUDIO", "VIDEO"]
    assert read.organizer.value == "mailto:dispatch@northwind.example"
    assert read.organizer.params["CN"] == ["Northwind IT"]
    assert [(person.params["CN"], person.value) for person in read.attendee_list] == [
        (["Ada Lovelace"], "mailto:ada@example.com"),
        (["Dana Field"], "mailto:dana@northwind.example"),
    ]


def test_a_second_parser_reads_the_same() -> None:
    event = make_event(summary=AWKWARD, description=f"{AWKWARD}\nsecond line")

    calendar = ics.Calendar(build(event).decode())

    (read,) = calendar.events
    assert calendar.method == "REQUEST"
    assert read.uid == event.uid
    assert read.begin.datetime == event.starts_at
    assert read.end.datetime == event.ends_at
    assert read.created.datetime == event.stamped_at
    assert read.name == AWKWARD
    assert read.description == f"{AWKWARD}\nsecond line\n\n{event.join_line}"
    assert read.location == "Video meeting"
    assert read.url == JOIN_URL
    assert read.status == "CONFIRMED"
    assert read.organizer.email == "dispatch@northwind.example"
    assert {(person.common_name, person.email) for person in read.attendees} == {
        ("Ada Lovelace", "ada@example.com"),
        ("Dana Field", "dana@northwind.example"),
    }


def test_a_quotation_mark_in_a_name_is_left_out() -> None:
    event = make_event(organizer=Person('Ada "the Count" King; Esq.', "ada@example.com"))

    assert 'ORGANIZER;CN="Ada the Count King; Esq.":mailto:ada@example.com' in lines(event)


def test_long_lines_are_folded_by_octets_and_end_in_crlf() -> None:
    data = build(make_event(summary="ü日🗓" * 60, description="ß" * 500))

    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert vobject.readOne(data.decode()).vevent.summary.value == "ü日🗓" * 60


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\r\n "])
def test_no_text_can_add_a_line_to_the_file(line_end: str) -> None:
    attack = f"x{line_end}ATTENDEE:mailto:mallory@example.com{line_end}END:VEVENT"
    harmless = make_event()

    event = make_event(
        summary=attack,
        description=attack,
        location=attack,
        join_line=attack,
        organizer=Person(attack, "dispatch@northwind.example"),
        attendees=(Person(attack, "ada@example.com"), harmless.attendees[1]),
    )

    names = [
        [line.replace(";", ":").partition(":")[0] for line in lines(e)] for e in (event, harmless)
    ]
    assert names[0] == names[1]
    assert len(vobject.readOne(build(event).decode()).vevent.attendee_list) == 2


@given(st.text(), st.text())
def test_whatever_a_text_holds_the_file_keeps_its_shape(text: str, name: str) -> None:
    event = make_event(description=text, attendees=(Person(name, "ada@example.com"),))

    read = vobject.readOne(build(event).decode()).vevent

    assert read.description.value.endswith(event.join_line)
    assert [person.value for person in read.attendee_list] == ["mailto:ada@example.com"]
    assert read.url.value == JOIN_URL


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "javascript:alert(1)",
        "https:",
        "https://e.com/\r\nX:1",
        "https://e.com/ x",
    ],
)
def test_only_https_links_are_accepted(url: str) -> None:
    with pytest.raises(ValueError, match="https link"):
        build(make_event(url=url))


@pytest.mark.parametrize("email", ["", "ada", "a@b.c\r\nX:1", "a@b.c,d@e.f g@h.i", "<a@b.c>"])
def test_only_addresses_are_invited(email: str) -> None:
    with pytest.raises(ValueError, match="Not an e-mail address"):
        build(make_event(attendees=(Person("Ada", email),)))


@pytest.mark.parametrize("uid", ["", "a b", "a\r\nX:1", "ü"])
def test_a_uid_is_one_plain_word(uid: str) -> None:
    with pytest.raises(ValueError, match="UID"):
        build(make_event(uid=uid))


@pytest.mark.parametrize("field", ["starts_at", "ends_at", "stamped_at"])
def test_a_wall_clock_time_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match="not a wall clock"):
        build(make_event(**{field: datetime(2026, 12, 1, 14, 0)}))  # noqa: DTZ001  # the point


def test_every_zone_is_written_as_utc() -> None:
    event = make_event(
        starts_at=datetime(2026, 12, 1, 23, 30, tzinfo=timezone(timedelta(hours=-7))),
        ends_at=datetime(2026, 12, 2, 7, 15, tzinfo=UTC),
    )

    assert lines(event)[8:10] == ["DTSTART:20261202T063000Z", "DTEND:20261202T071500Z"]
