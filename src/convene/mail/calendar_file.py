"""The iCalendar file of one event: the attachment of a mail, and what "add to calendar" downloads.

Times are UTC, so the file needs no time zone table. An appointment keeps one UID for life; of two
files a calendar believes the one with the higher SEQUENCE.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from icalendar import Calendar, Event, Parameters, vCalAddress, vUri

PRODUCT = "-//Convene//Appointments//EN"

# Everything below the space except tab and line feed, and the C1 controls.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ADDRESS = re.compile(r"[^\x00-\x20\x7f]+@[^\s@<>\"]+")  # a local part may be quoted


@dataclass(frozen=True)
class Person:
    name: str
    email: str


@dataclass(frozen=True)
class CalendarEvent:
    uid: str
    sequence: int
    starts_at: datetime
    ends_at: datetime
    stamped_at: datetime
    summary: str
    description: str
    organizer: Person
    attendees: tuple[Person, ...]
    cancelled: bool
    url: str = ""
    location: str = ""
    join_line: str = ""  # the whole line, "Join the meeting: https://..."


def build(event: CalendarEvent) -> bytes:
    """Bytes, because as text a mail library would take the CRLF line ends for its own."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", _method(event))
    calendar.add_component(_component(event))
    data: bytes = calendar.to_ical(sorted=False)
    return data


def content_type(event: CalendarEvent) -> str:
    """The method stands here too: Outlook shows Accept and Decline only when both agree."""
    return f"text/calendar; method={_method(event)}; charset=utf-8"


def _method(event: CalendarEvent) -> str:
    return "CANCEL" if event.cancelled else "REQUEST"


def _component(event: CalendarEvent) -> Event:
    component = Event()
    component.add("uid", _checked_uid(event.uid))
    component.add("sequence", event.sequence)
    component.add("dtstamp", _utc(event.stamped_at))
    component.add("dtstart", _utc(event.starts_at))
    component.add("dtend", _utc(event.ends_at))
    component.add("status", "CANCELLED" if event.cancelled else "CONFIRMED")
    component.add("summary", _line(event.summary))
    description = "\n\n".join(part for part in (event.description, event.join_line) if part)
    if description:
        component.add("description", _text(description))
    if event.location:
        component.add("location", _line(event.location))
    component.add("organizer", _address(event.organizer))
    for person in event.attendees:
        component.add("attendee", _invited(person))
    if event.url:
        url = _checked_url(event.url)
        component.add("url", vUri(url))
        component.add("conference", _conference(url, label=event.location))
    return component


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"A calendar file needs a moment, not a wall clock: {moment}")
    return moment.astimezone(UTC)


def _checked_uid(uid: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]+", uid):
        raise ValueError(f"Not usable as a UID: {uid!r}")
    return uid


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or re.search(r'[\s"<>]', url):
        raise ValueError("The address of a meeting must be an https link.")
    return url


def _address(person: Person) -> vCalAddress:
    if not _ADDRESS.fullmatch(person.email):
        raise ValueError(f"Not an e-mail address: {person.email!r}")
    address = vCalAddress(f"mailto:{person.email}")
    if name := _parameter(person.name):
        address.params["CN"] = name
    return address


def _invited(person: Person) -> vCalAddress:
    """Without these parameters Outlook shows no Accept."""
    address = _address(person)
    address.params["ROLE"] = "REQ-PARTICIPANT"
    address.params["PARTSTAT"] = "NEEDS-ACTION"
    address.params["RSVP"] = "TRUE"
    return address


def _conference(url: str, *, label: str) -> vUri:
    # Conference(feature=[...]) of the library quotes the features as if they were one.
    parameters = {"VALUE": "URI", "FEATURE": ["AUDIO", "VIDEO"]}
    if label := _parameter(label):
        parameters["LABEL"] = label
    return vUri(url, params=Parameters(parameters))


def _text(text: str) -> str:
    return _CONTROL.sub("", "\n".join(text.splitlines())).strip()


def _line(text: str) -> str:
    return " ".join(_text(text).split())


def _parameter(text: str) -> str:
    """Programs print the escape for a quotation mark inside a parameter literally."""
    return _line(text.replace('"', ""))
