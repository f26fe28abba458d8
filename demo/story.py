"""`python -m demo.story`: the main job of Convene, played once as people do it, and told.

On a running system a client asks for an appointment, a dispatcher approves it, everybody gets mail,
the appointment moves, it is cancelled. What is told was checked; what is not so stops the story.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit
from urllib.request import build_opener
from zoneinfo import ZoneInfo

from demo.browser import Browser, Page, Surprise
from demo.world import NORTHWIND, PASSWORD, Member

PATIENCE = 60.0  # seconds for a mail
SHOWN = 72  # letters of what is long and of no interest after the first time
CLIENT = next(contact for contact in NORTHWIND.contacts if contact.name == "Marta Silva")
DISPATCHER = next(member for member in NORTHWIND.staff if member.name == "Dana Weber")
TECHNICIANS = [  # of the service; the first is asked for while they have free times
    next(member for member in NORTHWIND.staff if member.name == name)
    for name in ("Aylin Kaya", "Tom Brandt", "Ines Duarte")
]
SERVICE = "Remote support"
SOON = timedelta(days=3)  # nearer days are left alone

SHOW_TIMES = "Show free times"
SHOW_WITH_WHOM = "Show"
WITH_WHOM = "preferred_technician"
NEXT = "Next"
LATER = "Later"
SEND = "Send request"

TOGGLE = "generate_teams_meeting"
JOIN = "Join Teams Meeting"
LOCATION = "Microsoft Teams Meeting"
WILL_BE_DELETED = "This will also delete the Microsoft Teams meeting."
_REFERENCE = re.compile(r"\b[A-Z2-9]{4}-[A-Z2-9]{4}\b")


@dataclass(frozen=True)
class Places:
    """Where the parts of the demo are; without a simulator there are no online meetings."""

    web: str
    inbox: str
    simulator: str = ""

    def as_options(self) -> list[str]:
        """For the command line of the story."""
        return ["--web", self.web, "--inbox", self.inbox, "--simulator", self.simulator]


@dataclass
class Told:
    """What the story knows so far. Times are UTC."""

    starts_at: datetime
    moves_to: datetime
    technician: Member
    reference: str = ""
    join_url: str = ""
    meeting: dict[str, Any] = field(default_factory=dict)
    uid: str = ""
    sequence: int = -1


def play(places: Places) -> None:
    """Play the story and print it. Raises Surprise."""
    client, dispatcher = Browser(places.web), Browser(places.web)
    told = ask(places, client)
    approve(places, client, dispatcher, told)
    reschedule(places, client, dispatcher, told)
    cancel(places, client, dispatcher, told)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.story", description=__doc__)
    parser.add_argument("--web", required=True)
    parser.add_argument("--inbox", required=True)
    parser.add_argument("--simulator", default="", help="without it there are no meetings")
    try:
        play(Places(**vars(parser.parse_args())))
    except (Surprise, OSError) as error:
        sys.exit(f"\nThe story stops here: {error}")


# The chapters


def ask(places: Places, client: Browser) -> Told:
    _chapter(f"{CLIENT.name} of {CLIENT.client} asks {NORTHWIND.name} for an appointment")
    _sign_in(client, CLIENT.email)
    told = fill_in_a_request(client)
    page = client.press(SEND, description="Outlook asks for the password again and again.")
    _check("Waiting for approval" in page.text, "The new request does not wait for approval.")
    told.reference = _reference_on(page)
    _fact("She asks for", f"{SERVICE}, {_local(told.starts_at, CLIENT.zone)}")
    _fact("Her page says", _said(page))
    _fact("Reference", told.reference)
    mail = _mail(places, told, CLIENT.email, "We received your request: ")
    _fact("Mail to her", mail["subject"])
    return told


def approve(places: Places, client: Browser, dispatcher: Browser, told: Told) -> None:
    _chapter(f"{DISPATCHER.name} approves the request")
    mail = _mail(places, told, NORTHWIND.email, "New request: ")
    _fact("Mail to the desk", mail["subject"])
    _sign_in(dispatcher, DISPATCHER.email)
    form = dispatcher.open(_address_in(mail, places.web)).form("Approve")
    if places.simulator:
        _check(form.fields.get(TOGGLE) == "on", "The toggle for the meeting is not on.")
        _fact("The toggle", "Generate Microsoft Teams meeting link: on")
    else:
        _check(TOGGLE not in form.fields, "There is a toggle, but nobody to make a meeting.")
    page = dispatcher.press(
        "Approve", technician=told.technician.name, internal_notes="Second time."
    )
    _fact("Her page says", _said(page))
    page = dispatcher.follow(f"{SERVICE}, {CLIENT.client}")
    _must_not_warn(page)
    _fact("Appointment", f"{_local(told.starts_at, NORTHWIND.zone)}, {told.technician.name}")
    if places.simulator:
        told.join_url = page.links.get(JOIN, "")
        _check(told.join_url.startswith("https://"), "The approved request has no join link.")
        _fact(JOIN, told.join_url)
    _client_sees(client, told)
    _graph_holds(places, told)
    _both_are_told(places, told, "Confirmed: ", "Assigned to you: ")


def reschedule(places: Places, client: Browser, dispatcher: Browser, told: Told) -> None:
    _chapter(f"{DISPATCHER.name} moves the appointment to another day")
    moved = told.moves_to.astimezone(ZoneInfo(NORTHWIND.zone))
    page = dispatcher.press("Move", final_date=f"{moved:%Y-%m-%d}", final_time=f"{moved:%H:%M}")
    _must_not_warn(page)
    told.starts_at = told.moves_to
    _fact("Her page says", _said(page))
    _fact("Appointment", f"{_local(told.starts_at, NORTHWIND.zone)}, {told.technician.name}")
    if places.simulator:
        _check(page.links.get(JOIN) == told.join_url, "The join link changed with the time.")
        _fact(JOIN, "the same as before")
    _client_sees(client, told)
    _graph_holds(places, told)
    _both_are_told(places, told, "Moved: ", "Moved: ")


def cancel(places: Places, client: Browser, dispatcher: Browser, told: Told) -> None:
    _chapter(f"{CLIENT.name} cancels the appointment")
    page = client.follow("Change or cancel…")
    if places.simulator:
        _check(WILL_BE_DELETED in page.problems, "Nobody says that the meeting goes, too.")
        _fact("Her page warns", WILL_BE_DELETED)
    page = client.press("Cancel the appointment")
    _check("Cancelled" in page.text, "The appointment is not cancelled.")
    _check(JOIN not in page.links, "A cancelled appointment still has a join link.")
    _fact("Her page says", _said(page))
    page = dispatcher.open(dispatcher.page.url)
    _check(JOIN not in page.links, "The staff's page still has a join link.")
    _must_not_warn(page)
    if places.simulator:
        left = [meeting for meeting in _meetings(places) if meeting["id"] == told.meeting["id"]]
        _check(not left, "Graph still holds the meeting.")
        _fact("Graph holds", "nothing of it any more")
    told.join_url = ""
    _both_are_told(places, told, "Cancelled: ", "Cancelled: ", method="CANCEL")


# What people do and see


def _sign_in(browser: Browser, email: str) -> None:
    browser.open("/accounts/login/")
    page = browser.press("Sign in", login=email, password=PASSWORD)
    _check("/accounts/login/" not in page.url, f"{email} cannot sign in.")


def fill_in_a_request(client: Browser) -> Told:
    """Say what and when, in the way that the MSP asks; another day in each story."""
    number = len(re.findall(SERVICE, client.open(f"/portal/{NORTHWIND.slug}/").text))
    buttons = {button for form in client.open("new/").forms for button in form.buttons}
    return _choose_time(client, number) if SHOW_TIMES in buttons else _name_time(client, number)


def _name_time(client: Browser, number: int) -> Told:
    """A weekday in two weeks or later, and the next afternoon for the move."""
    zone = ZoneInfo(CLIENT.zone)
    day = datetime.now(zone).date() + timedelta(days=14 + number % 60)
    while day.weekday() >= 4:  # the appointment moves to the next day
        day += timedelta(days=1)
    wish = datetime.combine(day, clock_time(10, 0), zone)
    moved = datetime.combine(day + timedelta(days=1), clock_time(13, 30), zone)
    if any(NEXT in form.buttons for form in client.page.forms):
        client.press(NEXT, service=SERVICE, requester_timezone=CLIENT.zone)
    form = client.page.form(SEND)
    form.fill("service", SERVICE)
    form.fill("requested_date", f"{wish:%Y-%m-%d}")
    form.fill("requested_time", f"{wish:%H:%M}")
    form.fill("requester_timezone", CLIENT.zone)
    return Told(wish.astimezone(UTC), moved.astimezone(UTC), TECHNICIANS[0])


def _choose_time(client: Browser, number: int) -> Told:
    """A time in the middle of a free day, and the last one of the next such day for the move."""
    technician, days = _free_days(client)
    chosen = number % (len(days) - 1)
    *_others, last = _free_times(client, days[chosen + 1]).values()
    times = _free_times(client, days[chosen])
    words = list(times)[len(times) // 2]
    client.follow(words)
    return Told(times[words], last, technician)


def _free_days(client: Browser) -> tuple[Member, list[str]]:
    """Somebody with free times on at least two days, and the addresses of the days."""
    for technician in TECHNICIANS:
        client.open(f"/portal/{NORTHWIND.slug}/new/")
        client.press(
            SHOW_TIMES,
            service=SERVICE,
            requester_timezone=CLIENT.zone,
        )
        if technician.name not in client.page.form(SHOW_WITH_WHOM).choices[WITH_WHOM]:
            continue  # somebody played that they left
        client.press(SHOW_WITH_WHOM, preferred_technician=technician.name)
        days = list(_days_on_offer(client))
        if len(days) > 1:
            return technician, days
    raise Surprise(f"Nobody has free times for {SERVICE} on two days.")


def _days_on_offer(client: Browser) -> Iterator[str]:
    """The addresses of days with free times, through all months that can be booked."""
    soon = datetime.now(ZoneInfo(CLIENT.zone)).date() + SOON
    while True:
        for words, address in client.page.links.items():
            if words.isdecimal() and date.fromisoformat(_asked_in(address, "day")) >= soon:
                yield urljoin(client.page.url, address)
        if LATER not in client.page.links:
            return
        client.follow(LATER)


def _free_times(client: Browser, day: str) -> dict[str, datetime]:
    """The free times of a day, by how the page calls them."""
    return {
        words: datetime.fromisoformat(_asked_in(address, "starts_at"))
        for words, address in client.open(day).links.items()
        if "starts_at=" in address
    }


def _asked_in(address: str, name: str) -> str:
    return parse_qs(urlsplit(address).query)[name][0]


def _reference_on(page: Page) -> str:
    found = _REFERENCE.search(page.text)
    if found is None:
        raise Surprise(f"There is no reference on {page.url}.")
    return found.group()


def _address_in(mail: dict[str, Any], site: str) -> str:
    found = re.search(rf"{re.escape(site)}/\S+", mail["text"])
    if found is None:
        raise Surprise(f"The mail {mail['subject']!r} has no link to {site}.")
    return found.group()


def _said(page: Page) -> str:
    return next(iter(page.notices), "nothing")


def _must_not_warn(page: Page) -> None:
    _check(not page.problems, f"The page warns: {' '.join(page.problems)}")


def _client_sees(client: Browser, told: Told) -> None:
    page = client.open(client.page.url)
    _check("Confirmed" in page.text, "The client does not see that it is confirmed.")
    _check(page.links.get(JOIN, "") == told.join_url, "The client sees another join link.")
    time_there = f"{told.starts_at.astimezone(ZoneInfo(CLIENT.zone)):%H:%M}"
    _check(time_there in page.text, f"The client does not see {time_there}, her time.")
    also = f", with {JOIN}" if told.join_url else ""
    _fact("The client sees", f"Confirmed, {_local(told.starts_at, CLIENT.zone)}{also}")


# Microsoft


def _graph_holds(places: Places, told: Told) -> None:
    """One meeting of this link, at this time; from the second look on the very same one."""
    if not places.simulator:
        return
    found = [meeting for meeting in _meetings(places) if meeting["join_web_url"] == told.join_url]
    _check(len(found) == 1, f"Graph holds {len(found)} meetings of this link, not one.")
    meeting = found[0]
    start = datetime.fromisoformat(meeting["start"][:19]).replace(tzinfo=UTC)
    _check(start == told.starts_at, f"Graph holds the meeting at {meeting['start']}.")
    same = told.meeting.get("id", meeting["id"]) == meeting["id"]
    _check(same, "Graph holds another meeting than before.")
    told.meeting = meeting
    _fact("Graph holds", f"{meeting['subject']}, {meeting['start'][:16]} UTC")
    _fact("  under the id", _short(meeting["id"]))


def _meetings(places: Places) -> list[dict[str, Any]]:
    return _json(f"{places.simulator}/_sim/meetings")


# Mail


def _both_are_told(
    places: Places, told: Told, to_client: str, to_technician: str, method: str = "REQUEST"
) -> None:
    mail = _mail(places, told, CLIENT.email, to_client)
    _fact("Mail to the client", mail["subject"])
    _link_is_in(mail, told)
    _check_calendar(mail, told, method)
    mail = _mail(places, told, told.technician.email, to_technician)
    _fact("Mail to the technician", mail["subject"])
    _link_is_in(mail, told)


def _link_is_in(mail: dict[str, Any], told: Told) -> None:
    if not told.join_url:
        _check(JOIN not in mail["text"], "A mail has a join link that nobody made.")
        return
    for part in ("text", "html"):
        _check(JOIN in mail[part], f"The {part} of the mail {mail['subject']!r} has no join link.")
    _check(told.join_url in mail["text"], f"The mail {mail['subject']!r} has another join link.")
    _fact("  says", f"{JOIN}: {_short(told.join_url)}")


def _check_calendar(mail: dict[str, Any], told: Told, method: str) -> None:
    """The file is about this appointment and newer than the one before."""
    lines = _calendar_lines(mail["calendar"])
    _check(lines.get("METHOD") == method, f"The calendar file is no {method}.")
    start = f"{told.starts_at:%Y%m%dT%H%M%SZ}"
    _check(lines.get("DTSTART") == start, f"The calendar file starts at {lines.get('DTSTART')}.")
    _check(lines.get("UID") == (told.uid or lines.get("UID")), "The calendar file has a new UID.")
    sequence = int(lines.get("SEQUENCE", "-1"))
    _check(sequence > told.sequence, f"The calendar file's SEQUENCE did not rise: {sequence}.")
    told.uid, told.sequence = lines["UID"], sequence
    for name in ("METHOD", "SEQUENCE", "DTSTART"):
        _fact("  calendar file", f"{name}:{lines[name]}")
    if not told.join_url:
        _check("URL" not in lines, "The calendar file has a link that nobody made.")
        return
    join_line = f"{JOIN}: {told.join_url}"
    _check(lines.get("LOCATION") == LOCATION, "The calendar file does not say where.")
    _check(lines.get("URL") == told.join_url, "The calendar file has another link.")
    _check(join_line in lines.get("DESCRIPTION", ""), "The description has no join line.")
    _fact("  calendar file", f"LOCATION:{LOCATION}")
    _fact("  calendar file", f"URL:{_short(told.join_url)}")
    _fact("  calendar file", f"DESCRIPTION:... {_short(join_line)}")


def _calendar_lines(text: str) -> dict[str, str]:
    """The lines of an iCalendar file by name, folded ones put together, in people's spelling."""
    unfolded = re.sub(r"\r?\n[ \t]", "", text)
    lines = {}
    for line in unfolded.splitlines():
        name, _colon, value = line.partition(":")
        plain = value.replace("\\n", " ").replace("\\,", ",").replace("\\;", ";")
        lines[name.partition(";")[0]] = plain
    return lines


def _mail(places: Places, told: Told, to: str, subject: str) -> dict[str, Any]:
    """The mail about this appointment, as soon as it is there."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        for mail in _json(f"{places.inbox}/messages.json"):
            is_ours = to in mail["to"] and told.reference in mail["text"]
            if is_ours and mail["subject"].startswith(subject):
                return dict(mail)
        time.sleep(0.2)
    raise Surprise(f"No mail {subject!r} came to {to} within {PATIENCE:.0f} seconds.")


def _json(url: str) -> list[dict[str, Any]]:
    with build_opener().open(url, timeout=10) as response:
        answer: list[dict[str, Any]] = json.load(response)
    return answer


# Telling


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Surprise(otherwise)


def _chapter(title: str) -> None:
    print(f"\n{title}", flush=True)


def _fact(name: str, text: str) -> None:
    print(f"  {name:<23} {text}", flush=True)


def _local(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%a %d %b, %H:%M} {zone}"


def _short(text: str) -> str:
    """The beginning of what was shown, or is shown elsewhere, in full."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


if __name__ == "__main__":
    main()
