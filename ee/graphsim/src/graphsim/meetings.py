"""An online meeting: its ids, its join link and the JSON Graph shows of it."""

import base64
import binascii
import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from graphsim.directory import IdStyle, LinkStyle, Tenant, User
from graphsim.times import Instant

# What the organizer's meeting policy gives when the client does not say.
DEFAULT_SETTINGS: dict[str, object] = {
    "isEntryExitAnnounced": True,
    "allowedPresenters": "everyone",
    "allowMeetingChat": "enabled",
    "allowTeamworkReactions": True,
    "allowAttendeeToEnableMic": True,
    "allowAttendeeToEnableCamera": True,
    "recordAutomatically": False,
    "lobbyBypassSettings": {"scope": "organization", "isDialInBypassEnabled": False},
    "meetingTemplateId": None,
    "watermarkProtection": None,
}
SETTINGS = {
    *DEFAULT_SETTINGS,
    "allowRecording",
    "allowTranscription",
    "isEndToEndEncryptionEnabled",
    "meetingSpokenLanguageTag",
    "sensitivityLabelAssignment",
}

_GUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_LAYOUT = re.compile(rf"1\*{_GUID}\*0\*\*19:meeting_\w+@thread\.v2".encode(), re.IGNORECASE)
_LEGACY = re.compile(rf"{_GUID}_19:meeting_\w+@thread\.skype", re.IGNORECASE)


@dataclass(frozen=True)
class Meeting:
    id: str
    tenant_id: str
    organizer_id: str
    subject: str | None
    start: str
    end: str
    join_web_url: str
    thread_id: str
    join_meeting_id: str
    created: str
    external_id: str | None = None
    attendees: tuple[object, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """What a client asked for, checked; times are normalised."""

    subject: str | None
    start: str
    end: str
    external_id: str | None = None
    attendees: tuple[object, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)


def schedule(
    draft: Draft, tenant: Tenant, organizer: User, *, ids: IdStyle, links: LinkStyle
) -> Meeting:
    """Give a draft its ids and its link."""
    token = base64.b64encode(str(uuid.uuid4()).encode()).decode()
    ending = "skype" if ids == "legacy" else "v2"
    thread = f"19:meeting_{token}@thread.{ending}"
    number = _digits(13)
    return Meeting(
        id=_meeting_id(organizer.id, thread, ids),
        tenant_id=tenant.id,
        organizer_id=organizer.id,
        subject=draft.subject,
        start=draft.start,
        end=draft.end,
        join_web_url=(
            _long_link(thread, tenant, organizer) if links == "long" else _short_link(number)
        ),
        thread_id=thread,
        join_meeting_id=number,
        created=str(Instant.now()),
        external_id=draft.external_id,
        attendees=draft.attendees,
        settings=draft.settings,
    )


def is_meeting_id(text: str) -> bool:
    """Whether Graph would look for this id at all; an Outlook event id is refused before that."""
    if _LEGACY.fullmatch(text):
        return True
    try:
        layout = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return _LAYOUT.match(layout) is not None


def payload(meeting: Meeting, tenant: Tenant, organizer: User) -> dict[str, Any]:
    """The onlineMeeting entity, without `@odata.context`."""
    return {
        "id": meeting.id,
        "creationDateTime": meeting.created,
        "startDateTime": meeting.start,
        "endDateTime": meeting.end,
        "joinUrl": meeting.join_web_url,
        "joinWebUrl": meeting.join_web_url,
        "subject": meeting.subject,
        "isBroadcast": False,
        "autoAdmittedUsers": "EveryoneInCompany",
        "outerMeetingAutoAdmittedUsers": None,
        **DEFAULT_SETTINGS,
        **meeting.settings,
        "meetingType": "scheduled",
        "expiryDateTime": str(Instant.parse(meeting.end).plus(timedelta(days=60))),
        "meetingOptionsWebUrl": (
            f"https://teams.microsoft.com/meetingOptions/?organizerId={organizer.id}"
            f"&tenantId={tenant.id}&threadId={meeting.thread_id.replace(':', '_')}"
            "&messageId=0&language=en-US"
        ),
        "videoTeleconferenceId": None,
        "externalId": meeting.external_id,
        "broadcastSettings": None,
        "audioConferencing": None,
        "joinInformation": {
            "content": "data:text/html," + quote(f'<a href="{meeting.join_web_url}">Join</a>'),
            "contentType": "html",
        },
        "joinMeetingIdSettings": {
            "isPasscodeRequired": False,
            "joinMeetingId": meeting.join_meeting_id,
            "passcode": None,
        },
        "chatInfo": {
            "threadId": meeting.thread_id,
            "messageId": "0",
            "replyChainMessageId": None,
        },
        "chatRestrictions": None,
        "participants": {
            "organizer": {
                "upn": organizer.upn,
                "role": "presenter",
                "identity": {
                    "application": None,
                    "device": None,
                    "user": {
                        "id": organizer.id,
                        "displayName": None,
                        "tenantId": tenant.id,
                        "identityProvider": "AAD",
                    },
                },
            },
            "attendees": list(meeting.attendees),
        },
    }


def _meeting_id(organizer_id: str, thread: str, style: IdStyle) -> str:
    if style == "legacy":
        return f"{organizer_id}_{thread}"
    layout = f"1*{organizer_id}*0**{thread}".encode()
    if style == "padded":
        layout += b"\xfb\xef\xff*"  # ends in "++//Kg==": every character a path must quote
    return base64.b64encode(layout).decode()


def _long_link(thread: str, tenant: Tenant, organizer: User) -> str:
    # Microsoft writes lower-case escapes here, and clients must keep them: the link is compared
    # as text.
    place = thread.replace(":", "%3a").replace("@", "%40")
    context = f"%7b%22Tid%22%3a%22{tenant.id}%22%2c%22Oid%22%3a%22{organizer.id}%22%7d"
    return f"https://teams.microsoft.com/l/meetup-join/{place}/0?context={context}"


def _short_link(number: str) -> str:
    return f"https://teams.microsoft.com/meet/{number}?p={secrets.token_hex(9)}"


def _digits(count: int) -> str:
    return str(secrets.randbelow(9 * 10 ** (count - 1)) + 10 ** (count - 1))
