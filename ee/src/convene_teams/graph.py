"""Microsoft Graph: the few calls that meetings need, as one app, until one deadline."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

from convene.logs import log
from convene.meetings.provider import MeetingError, MeetingState
from convene.text import one_line

from . import tokens
from .answers import (
    Operation,
    graph_error,
    is_success,
    payload_of,
    request_id_of,
    sign_in_error,
)
from .clouds import is_guid
from .problems import Problem
from .tokens import App, Token
from .transport import Answer, Deadline, NotAnswered, NotSent, send

SECONDS = 10.0  # for an operation as a whole, the token and the second attempt included
_SUBJECT = 255  # characters that Outlook shows

_T = TypeVar("_T")


@dataclass(frozen=True)
class User:
    id: str
    name: str
    enabled: bool


class Graph:
    """One operation of one tenant of ours. All methods raise MeetingError."""

    def __init__(self, app: App, *, tenant_id: UUID, deadline: Deadline):
        self._app = app
        self._tenant_id = tenant_id
        self._deadline = deadline

    def token(self) -> Token:
        """The kept token, or a new one."""
        return tokens.kept_token(self._app) or self._new_token()

    def find_user(self, key: str) -> User:
        """A person by user principal name or object id."""
        fields = "id,displayName,accountEnabled"
        return self._call("find_user", "GET", f"{_path('users', key)}?$select={fields}", _user)

    def create_meeting(
        self, organizer: str, subject: str, starts_at: datetime, ends_at: datetime
    ) -> tuple[str, str]:
        """A new meeting's id and join link."""
        path = _path("users", organizer, "onlineMeetings")
        body = {"subject": one_line(subject, _SUBJECT), **_times(starts_at, ends_at)}
        meeting_id, link = self._call("create", "POST", path, _id_and_link, body)
        if not link:
            raise self._withdrawn(organizer, meeting_id)
        return meeting_id, link

    def move_meeting(
        self, organizer: str, meeting_id: str, starts_at: datetime, ends_at: datetime
    ) -> None:
        # Graph wants both times even if one of them stays.
        path = _path("users", organizer, "onlineMeetings", meeting_id)
        self._call("update", "PATCH", path, _nothing, _times(starts_at, ends_at))

    def delete_meeting(self, organizer: str, meeting_id: str) -> None:
        """Remove it; one that is gone already is a success."""
        path = _path("users", organizer, "onlineMeetings", meeting_id)
        try:
            self._call("delete", "DELETE", path, _nothing)
        except MeetingError as error:
            if error.code != Problem.MEETING_NOT_FOUND:
                raise

    def get_meeting(self, organizer: str, meeting_id: str) -> MeetingState | None:
        """The meeting as it is now, or None if there is none."""
        path = _path("users", organizer, "onlineMeetings", meeting_id)
        try:
            return self._call("look", "GET", path, _state)
        except MeetingError as error:
            if error.code != Problem.MEETING_NOT_FOUND:
                raise
            return None

    def _withdrawn(self, organizer: str, meeting_id: str) -> MeetingError:
        """Take a meeting away again that nobody could join; the error to raise."""
        try:
            self.delete_meeting(organizer, meeting_id)
        except MeetingError:
            return MeetingError(Problem.BAD_RESPONSE, unknown_outcome=True)
        return MeetingError(Problem.BAD_RESPONSE)

    def _call(
        self,
        operation: Operation,
        method: str,
        path: str,
        read: Callable[[Answer], _T],
        body: object = None,
    ) -> _T:
        """A call, with a second attempt under a new token if the first one's is refused."""
        try:
            return self._attempt(operation, method, path, read, body)
        except MeetingError as error:
            if error.status in (401, 403):
                # What the administrator puts right now is only in a new token.
                tokens.forget_token(self._app)
            if error.code != Problem.TOKEN_REJECTED:
                raise
        return self._attempt(operation, method, path, read, body)

    def _attempt(
        self,
        operation: Operation,
        method: str,
        path: str,
        read: Callable[[Answer], _T],
        body: object,
    ) -> _T:
        token = self.token()

        def ask(headers: dict[str, str]) -> Answer:
            headers = {**headers, "Authorization": f"Bearer {token.text}"}
            url = f"{self._app.hosts.graph}/v1.0{path}"
            return send(method, url, self._deadline, headers=headers, json=body)

        def understand(answer: Answer) -> _T:
            if not is_success(answer):
                raise graph_error(operation, answer, token.roles)
            return read(answer)

        return self._exchange(operation, ask, understand)

    def _new_token(self) -> Token:
        app = self._app
        url = f"{app.hosts.login}{_path(app.tenant_id, 'oauth2', 'v2.0', 'token')}"
        form = {
            "grant_type": "client_credentials",
            "client_id": app.client_id,
            "client_secret": app.secret,
            "scope": f"{app.hosts.resource}/.default",
        }

        def ask(headers: dict[str, str]) -> Answer:
            return send("POST", url, self._deadline, headers=headers, form=form)

        token, seconds = self._exchange("token", ask, _token_and_lifetime)
        tokens.keep_token(app, token, seconds)
        return token

    def _exchange(
        self,
        operation: Operation,
        ask: Callable[[dict[str, str]], Answer],
        understand: Callable[[Answer], _T],
    ) -> _T:
        """Ask and understand the answer; one line in the log says how it went."""
        line = _Line(self._tenant_id, operation)
        try:
            if not self._deadline.left():
                raise MeetingError(Problem.NO_ANSWER, detail="no time left to ask")
            answer = _ask(operation, ask, line.client_request_id)
            line.answer = answer
            result = understand(answer)
        except MeetingError as error:
            line.write_failure(error)
            raise
        line.write_success()
        return result


def _ask(
    operation: Operation, ask: Callable[[dict[str, str]], Answer], client_request_id: str
) -> Answer:
    try:
        return ask({"client-request-id": client_request_id})
    except NotSent as failure:
        raise MeetingError(Problem.UNREACHABLE, detail=str(failure)) from failure
    except NotAnswered as failure:
        # All others may be repeated: a second create would be a second meeting.
        unknown = operation == "create"
        raise MeetingError(
            Problem.NO_ANSWER, unknown_outcome=unknown, detail=str(failure)
        ) from failure


@dataclass
class _Line:
    """The line of one call: what Microsoft's support asks for, and nothing confidential."""

    tenant_id: UUID
    operation: Operation
    answer: Answer | None = None
    client_request_id: str = field(default_factory=lambda: str(uuid4()))
    started: float = field(default_factory=time.monotonic)

    def write_success(self) -> None:
        log.info("teams.call", **self._facts(), code="")

    def write_failure(self, error: MeetingError) -> None:
        log.warning("teams.call", **self._facts(), code=str(error.code), detail=error.detail)

    def _facts(self) -> dict[str, Any]:
        return {
            "tenant": str(self.tenant_id),
            "operation": self.operation,
            "status": self.answer.status if self.answer else None,
            "graph_request_id": request_id_of(self.answer) if self.answer else "",
            "client_request_id": self.client_request_id,
            "duration_ms": round((time.monotonic() - self.started) * 1000),
        }


def _user(answer: Answer) -> User:
    user = payload_of(answer) or {}
    object_id, name = str(user.get("id")), str(user.get("displayName") or "")
    if not is_guid(object_id):
        raise _unintelligible(answer)
    return User(object_id, name, enabled=user.get("accountEnabled") is not False)


def _id_and_link(answer: Answer) -> tuple[str, str]:
    """A new meeting's id, and its link or "" if there is none that is safe to follow."""
    meeting = payload_of(answer) or {}
    meeting_id, link = _word(meeting.get("id")), _word(meeting.get("joinWebUrl"))
    if not meeting_id:
        raise _unintelligible(answer, unknown_outcome=True)
    # Of any host: national clouds have their own, and Microsoft may add more.
    return meeting_id, link if link.lower().startswith("https://") else ""


def _state(answer: Answer) -> MeetingState:
    meeting = payload_of(answer) or {}
    try:
        return MeetingState(
            subject=str(meeting.get("subject") or ""),
            starts_at=_instant(meeting["startDateTime"]),
            ends_at=_instant(meeting["endDateTime"]),
            join_url=str(meeting.get("joinWebUrl") or ""),
        )
    except (KeyError, TypeError, ValueError):
        raise _unintelligible(answer) from None


def _nothing(answer: Answer) -> None:
    """It was done; what Graph tells about it is not needed."""


def _token_and_lifetime(answer: Answer) -> tuple[Token, float]:
    if not is_success(answer):
        raise sign_in_error(answer)
    payload = payload_of(answer) or {}
    text, seconds = _word(payload.get("access_token")), payload.get("expires_in")
    if not text.isascii() or not text:
        raise _unintelligible(answer)
    return Token.of(text), float(seconds) if isinstance(seconds, int | float) else 0.0


def _path(*segments: str) -> str:
    """A path in which no segment can be more than itself."""
    for segment in segments:
        if segment in ("", ".", "..") or not segment.isprintable():
            raise MeetingError(Problem.BAD_REQUEST, detail="not a name in an address")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def _times(starts_at: datetime, ends_at: datetime) -> dict[str, str]:
    return {"startDateTime": _stamp(starts_at), "endDateTime": _stamp(ends_at)}


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


def _word(found: object) -> str:
    """A text that can be stored, sent and shown: printable, without spaces; else ""."""
    is_word = isinstance(found, str) and found.isprintable() and " " not in found
    return str(found) if is_word else ""


def _unintelligible(answer: Answer, *, unknown_outcome: bool = False) -> MeetingError:
    return MeetingError(
        Problem.BAD_RESPONSE,
        status=answer.status,
        request_id=request_id_of(answer),
        unknown_outcome=unknown_outcome,
    )
