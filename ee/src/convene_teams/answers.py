"""What Microsoft's answers mean. Reads them, asks nothing."""

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from convene.meetings.provider import MeetingError

from .problems import Problem
from .transport import Answer

Operation = Literal["token", "find_user", "create", "update", "delete", "look"]

MEETINGS_PERMISSION = "OnlineMeetings.ReadWrite.All"
_DETAIL = 200
_LONGEST_ID = 100
_LONGEST_WAIT = 86_400
# What a message of Microsoft's may quote: links, addresses of people, tokens.
_CONFIDENTIAL = re.compile(r"\w+://\S+|\S*@\S+|\S*%40\S*|eyJ[\w.-]+", re.IGNORECASE)
_AADSTS = re.compile(r"AADSTS(\d+)")

_SIGN_IN_PROBLEMS = {
    7000215: Problem.BAD_SECRET,
    7000222: Problem.SECRET_EXPIRED,
    700016: Problem.UNKNOWN_APP,
    7000229: Problem.APP_NOT_INSTALLED,
    90002: Problem.UNKNOWN_TENANT,
    900023: Problem.UNKNOWN_TENANT,
    500011: Problem.WRONG_CLOUD,
    53003: Problem.ACCESS_BLOCKED,
}


def payload_of(answer: Answer) -> dict[str, Any] | None:
    """The JSON object of an answer, or None if that is not what came."""
    try:
        payload = json.loads(answer.body or b"")
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def is_success(answer: Answer) -> bool:
    """Whether it was done: 2xx with a JSON object or nothing, not some proxy's page."""
    return 200 <= answer.status < 300 and (answer.body == b"" or payload_of(answer) is not None)


def graph_error(
    operation: Operation, answer: Answer, roles: Collection[str] | None
) -> MeetingError:
    """The error that an answer of Graph's is; ``roles`` are the token's, None if it hides them."""
    return MeetingError(
        _problem(operation, answer, roles),
        status=answer.status,
        request_id=request_id_of(answer),
        retry_after=_retry_after(answer),
        # Only a 4xx says that no meeting was made.
        unknown_outcome=operation == "create" and not 400 <= answer.status < 500,
        detail=_detail(*_error_of(answer)),
    )


def sign_in_error(answer: Answer) -> MeetingError:
    """The error that an answer of the token endpoint is."""
    payload = payload_of(answer) or {}
    error, description = str(payload.get("error", "")), str(payload.get("error_description", ""))
    if number := _aadsts(payload.get("error_codes"), description):
        problem = _SIGN_IN_PROBLEMS.get(number, Problem.SIGN_IN_FAILED)
    else:
        problem = _by_status(answer.status, refused=Problem.SIGN_IN_FAILED)
    if answer.status == 429 or answer.status >= 500:
        problem = _by_status(answer.status, refused=problem)
    return MeetingError(
        problem,
        status=answer.status,
        request_id=request_id_of(answer),
        retry_after=_retry_after(answer),
        detail=_detail(error, description.partition("\r")[0].partition(" Trace ID:")[0]),
    )


def request_id_of(answer: Answer) -> str:
    """The id that Microsoft's support asks for."""
    for name in ("request-id", "x-ms-request-id"):
        if found := answer.headers.get(name):
            return _short(found)
    payload = payload_of(answer) or {}
    return _short(str(payload.get("trace_id") or _inner(payload).get("request-id") or ""))


def _problem(operation: Operation, answer: Answer, roles: Collection[str] | None) -> Problem:
    code, message = _error_of(answer)
    if answer.status == 401 and not _claims_are_missing(answer):
        return Problem.TOKEN_REJECTED
    if answer.status in (401, 403):
        return _forbidden(operation, answer, message, roles)
    if answer.status == 404:
        return _not_found(operation, answer, code)
    return _by_status(answer.status, refused=Problem.BAD_REQUEST)


def _forbidden(
    operation: Operation, answer: Answer, message: str, roles: Collection[str] | None
) -> Problem:
    if _claims_are_missing(answer):
        return Problem.ACCESS_BLOCKED
    if operation == "find_user":
        return Problem.LOOKUP_DENIED
    if message.startswith("3003"):
        return Problem.MEETING_DENIED
    if roles is None:  # a token that we cannot read: Graph's words have to do
        says_policy = "application access policy" in message.lower()
        return Problem.POLICY_MISSING if says_policy else Problem.PERMISSION_MISSING
    # Graph says "Forbidden" for both; the token tells which of the two it is.
    return Problem.POLICY_MISSING if MEETINGS_PERMISSION in roles else Problem.PERMISSION_MISSING


def _not_found(operation: Operation, answer: Answer, code: str) -> Problem:
    if not _has_error(answer):
        return Problem.BAD_RESPONSE  # not Graph's 404 but that of something on the way
    if operation == "find_user":
        return Problem.USER_NOT_FOUND
    if operation == "create" or code.lower() != "notfound":
        return Problem.ORGANIZER_NOT_FOUND
    return Problem.MEETING_NOT_FOUND


def _by_status(status: int, *, refused: Problem) -> Problem:
    if status == 429:
        return Problem.THROTTLED
    if 400 <= status < 500:
        return refused
    return Problem.UNAVAILABLE if status >= 500 else Problem.BAD_RESPONSE


def _claims_are_missing(answer: Answer) -> bool:
    """Conditional Access asks for claims that an app cannot give."""
    return "insufficient_claims" in answer.headers.get("www-authenticate", "")


def _has_error(answer: Answer) -> bool:
    return isinstance((payload_of(answer) or {}).get("error"), dict)


def _error_of(answer: Answer) -> tuple[str, str]:
    """Graph's code and message; empty where it gave none."""
    error = _dict((payload_of(answer) or {}).get("error"))
    return str(error.get("code") or ""), str(error.get("message") or "")


def _inner(payload: dict[str, Any]) -> dict[str, Any]:
    """The inner error, which Graph's answers spell differently from its documents."""
    error = _dict(payload.get("error"))
    return _dict(error.get("innerError", error.get("innererror")))


def _dict(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _aadsts(codes: object, description: str) -> int | None:
    if isinstance(codes, list) and codes and isinstance(codes[0], int):
        return codes[0]
    match = _AADSTS.search(description)
    return int(match.group(1)) if match else None


def _retry_after(answer: Answer) -> int | None:
    """The seconds to wait, which may be said as a date."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return min(int(said[:9]), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    wait = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(0, round(wait)), _LONGEST_WAIT)


def _detail(code: str, message: str) -> str:
    """Code and message for the log, without what they may quote."""
    text = " ".join(f"{code}: {message}".split()).strip(": ")
    return _CONFIDENTIAL.sub("…", text)[:_DETAIL]


def _short(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:_LONGEST_ID]
