"""Microsoft Graph: the few calls that meetings need, as one app, until one deadline."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID, uuid4

from convene.logs import log
from convene.meetings.provider import MeetingError

from . import tokens
from .answers import (
    Operation,
    graph_error,
    is_success,
    payload_of,
    request_id_of,
    sign_in_error,
)
from .problems import Problem
from .tokens import App, Token
from .transport import Answer, Deadline, NotAnswered, NotSent, send

SECONDS = 10.0  # for an operation as a whole, the token and the second attempt included
_SUBJECT = 255  # characters that Outlook shows


@dataclass(frozen=True)
class User:
    id: str
    name: str
    enabled: bool


@dataclass(frozen=True)
class OnlineMeeting:
    id: str
    join_url: str
    subject: str
    starts_at: datetime
    ends_at: datetime


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
        answer = self._call("find_user", "GET", f"{_path('users', key)}?$select={fields}")
        user = payload_of(answer) or {}
        if not isinstance(user.get("id"), str):
            raise _unintelligible(answer)
        return User(
            user["id"], str(user.get("displayName") or ""), bool(user.get("accountEnabled"))
        )

    def create_meeting(
        self, organizer: str, subject: str, starts_at: datetime, ends_at: datetime
    ) -> tuple[str, str]:
        """A new meeting's id and join link."""
        body = {"subject": _one_line(subject), **_times(starts_at, ends_at)}
        answer = self._call("create", "POST", _path("users", organizer, "onlineMeetings"), body)
        meeting = payload_of(answer) or {}
        meeting_id, link = meeting.get("id"), meeting.get("joinWebUrl")
        if not _is_text(meeting_id):
            raise _unintelligible(answer, unknown_outcome=True)
        if not _is_link(link):
            raise self._removed(organizer, str(meeting_id), answer)
        return str(meeting_id), str(link)

    def move_meeting(
        self, organizer: str, meeting_id: str, starts_at: datetime, ends_at: datetime
    ) -> None:
        # Graph wants both times even if one of them stays.
        path = _path("users", organizer, "onlineMeetings", meeting_id)
        self._call("update", "PATCH", path, _times(starts_at, ends_at))

    def delete_meeting(self, organizer: str, meeting_id: str) -> None:
        """Remove it; one that is gone already is a success."""
        path = _path("users", organizer, "onlineMeetings", meeting_id)
        try:
            self._call("delete", "DELETE", path)
        except MeetingError as error:
            if error.code != Problem.MEETING_NOT_FOUND:
                raise

    def get_meeting(self, organizer: str, meeting_id: str) -> OnlineMeeting | None:
        path = _path("users", organizer, "onlineMeetings", meeting_id)
        try:
            answer = self._call("look", "GET", path)
        except MeetingError as error:
            if error.code == Problem.MEETING_NOT_FOUND:
                return None
            raise
        meeting = payload_of(answer) or {}
        try:
            return OnlineMeeting(
                id=meeting_id,
                join_url=str(meeting.get("joinWebUrl") or ""),
                subject=str(meeting.get("subject") or ""),
                starts_at=_instant(meeting["startDateTime"]),
                ends_at=_instant(meeting["endDateTime"]),
            )
        except (KeyError, TypeError, ValueError):
            raise _unintelligible(answer) from None

    def _call(self, operation: Operation, method: str, path: str, body: object = None) -> Answer:
        """A call, with a second attempt under a new token if the first one's is refused."""
        token = self.token()
        try:
            return self._attempt(operation, method, path, body, token)
        except MeetingError as error:
            if error.status in (401, 403):
                # What the administrator puts right now is only in a new token.
                tokens.forget_token(self._app)
            if error.code != Problem.TOKEN_REJECTED:
                raise
        return self._attempt(operation, method, path, body, self.token())

    def _attempt(
        self, operation: Operation, method: str, path: str, body: object, token: Token
    ) -> Answer:
        return self._exchange(
            operation,
            lambda headers: send(
                method,
                f"{self._app.hosts.graph}/v1.0{path}",
                self._deadline,
                headers={**headers, "Authorization": f"Bearer {token.text}"},
                json=body,
            ),
            lambda answer: graph_error(operation, answer, token.roles),
        )

    def _new_token(self) -> Token:
        app = self._app
        answer = self._exchange(
            "token",
            lambda headers: send(
                "POST",
                f"{app.hosts.login}{_path(app.tenant_id, 'oauth2', 'v2.0', 'token')}",
                self._deadline,
                headers=headers,
                form={
                    "grant_type": "client_credentials",
                    "client_id": app.client_id,
                    "client_secret": app.secret,
                    "scope": f"{app.hosts.resource}/.default",
                },
            ),
            sign_in_error,
        )
        payload = payload_of(answer) or {}
        text, seconds = payload.get("access_token"), payload.get("expires_in")
        if not (_is_text(text) and str(text).isascii()):
            raise _unintelligible(answer)
        token = Token.of(str(text))
        if isinstance(seconds, int | float):
            tokens.keep_token(app, token, seconds)
        return token

    def _exchange(
        self,
        operation: Operation,
        request: Callable[[dict[str, str]], Answer],
        refusal: Callable[[Answer], MeetingError],
    ) -> Answer:
        """Send a request, write the one line about it, and return only a success."""
        started = time.monotonic()
        client_request_id = str(uuid4())
        answer: Answer | None = None
        error: MeetingError | None = None
        try:
            if not self._deadline.left():
                raise NotSent("no time left")
            answer = request({"client-request-id": client_request_id})
            error = None if is_success(answer) else refusal(answer)
        except NotSent as failure:
            error = MeetingError(Problem.UNREACHABLE, detail=str(failure))
        except NotAnswered as failure:
            unknown = operation == "create"
            error = MeetingError(Problem.NO_ANSWER, unknown_outcome=unknown, detail=str(failure))
        _write_line(
            tenant=str(self._tenant_id),
            operation=operation,
            status=answer.status if answer else None,
            code=error.code if error else "",
            detail=error.detail if error else "",
            request_id=request_id_of(answer) if answer else "",
            client_request_id=client_request_id,
            duration_ms=round((time.monotonic() - started) * 1000),
        )
        if error or answer is None:
            raise error or MeetingError(Problem.NO_ANSWER)
        return answer

    def _removed(self, organizer: str, meeting_id: str, answer: Answer) -> MeetingError:
        """The error for a meeting that nobody could join: it is taken away again."""
        try:
            self.delete_meeting(organizer, meeting_id)
        except MeetingError:
            return _unintelligible(answer, unknown_outcome=True)
        return _unintelligible(answer)


def _write_line(**fields: object) -> None:
    write = log.warning if fields["code"] else log.info
    write("teams.call", **fields)


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


def _one_line(subject: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in subject)
    return " ".join(printable.split())[:_SUBJECT]


def _is_text(found: object) -> bool:
    """A text that can be stored, sent in a header and shown: printable, without spaces."""
    return isinstance(found, str) and found.isprintable() and bool(found) and " " not in found


def _is_link(found: object) -> bool:
    """Of any host: national clouds have their own, and Microsoft may add more."""
    return isinstance(found, str) and _is_text(found) and found.lower().startswith("https://")


def _unintelligible(answer: Answer, *, unknown_outcome: bool = False) -> MeetingError:
    return MeetingError(
        Problem.BAD_RESPONSE,
        status=answer.status,
        request_id=request_id_of(answer),
        unknown_outcome=unknown_outcome,
    )
