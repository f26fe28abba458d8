"""Trouble on order: what goes wrong with the next calls of a route, and how."""

import json
import threading
from dataclasses import dataclass, field, replace
from typing import Literal

from graphsim.envelope import graph_error, login_error
from graphsim.graph import Check
from graphsim.routes import Route, RouteName
from graphsim.wire import HTML, Request, Response

FaultRoute = Literal[RouteName, "*"]
BodyKind = Literal["json", "empty", "html", "garbage", "huge"]

FOREVER = -1

_HUGE = 1_500_000  # bytes of padding; clients should stop reading at a megabyte

_GRAPH_ERRORS = {
    400: ("BadRequest", "1026: An error has occurred."),
    401: ("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
    403: ("Forbidden", ""),
    404: ("UnknownError", ""),
    429: ("TooManyRequests", "Please retry again later."),
    500: ("InternalServerError", "Internal Server Error"),
    503: ("ServiceUnavailable", "Service Unavailable"),
}


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next `times` calls of a route.

    `when="before"` is trouble on the way in: the call is not carried out. `when="after"` carries
    it out first, so that an error, a delay or a reset is an answer that got lost.
    """

    route: FaultRoute
    times: int = 1  # -1: until the faults are cleared
    when: Literal["before", "after"] = "before"
    delay_ms: int = 0
    drip_ms: int = 0  # the answer comes in twenty pieces with this pause between them
    reset: bool = False  # the connection is torn down instead of an answer
    refuse: Check | None = None  # a check fails although the world is in order
    status: int | None = None
    code: str | None = None  # of the error; for logins the OAuth error, such as invalid_client
    message: str | None = None
    retry_after: int | str | None = None  # seconds, or an HTTP date
    body: BodyKind = "json"
    without: tuple[str, ...] = ()  # properties left out of a good answer
    replace: dict[str, object] = field(default_factory=dict)  # put in or added to a good answer

    def __post_init__(self) -> None:
        if self.times != FOREVER and self.times < 1:
            raise ValueError("times is at least 1, or -1 until cleared")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("status is between 200 and 599")
        if self.reset and (self.status or self.refuse):
            raise ValueError("a connection that is reset carries no answer")
        if self.refuse and (self.status or self.route in ("token", "discovery")):
            raise ValueError("refuse is an answer of its own, for Graph routes only")
        if self.refuse == "policy" and self.route == "user":
            raise ValueError("looking up a user needs no policy")
        if (self.without or self.replace) and (self.status or self.reset):
            raise ValueError("without and replace change a good answer, not an error")
        if self.status is None and not (self.code is None and self.message is None):
            raise ValueError("code and message need a status")
        if not (self.fails or self._touches_the_answer):
            raise ValueError("a fault must say what goes wrong")

    @property
    def fails(self) -> bool:
        """Whether the call's own answer is lost, instead of changed or late."""
        return self.reset or self.status is not None

    @property
    def _touches_the_answer(self) -> bool:
        changes = (self.refuse, self.retry_after, self.body != "json", self.without, self.replace)
        return any((self.delay_ms, self.drip_ms, *changes))


class Faults:
    """The faults waiting, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def take(self, route: Route) -> Fault | None:
        """The first fault meant for this route, used up by one."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if not _is_for(fault, route):
                    continue
                if fault.times == 1:
                    del self._waiting[place]
                elif fault.times != FOREVER:
                    self._waiting[place] = replace(fault, times=fault.times - 1)
                return fault
        return None

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._waiting)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()


def failure(fault: Fault, request: Request, route: Route) -> Response | None:
    """What comes instead of the call's own answer; None is a connection torn down."""
    if fault.status is None:
        return None
    return _dressed(fault, _error(fault, fault.status, request, route))


def distorted(fault: Fault, good: Response) -> Response:
    """The call's own answer with the fault's changes."""
    return _dressed(fault, _edited(fault, good))


def _dressed(fault: Fault, answer: Response) -> Response:
    headers = dict(answer.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    return _with_body(fault.body, replace(answer, headers=headers, drip_ms=fault.drip_ms))


def _is_for(fault: Fault, route: Route) -> bool:
    if fault.route == "*":
        return not (fault.refuse and route.is_login)
    return fault.route == route.name


def _error(fault: Fault, status: int, request: Request, route: Route) -> Response:
    code, message = _GRAPH_ERRORS.get(status, ("UnknownError", ""))
    if fault.message is not None:
        message = fault.message
    if route.is_login:
        error = fault.code or "temporarily_unavailable"
        return login_error(request, status, error, 90033, message)
    return graph_error(request, status, code if fault.code is None else fault.code, message)


def _edited(fault: Fault, good: Response) -> Response:
    if not (fault.without or fault.replace) or not good.body:
        return good
    payload = {**json.loads(good.body), **fault.replace}
    for name in fault.without:
        payload.pop(name, None)
    return replace(good, body=json.dumps(payload).encode())


def _with_body(kind: BodyKind, answer: Response) -> Response:
    if kind == "json":
        return answer
    # A 204 has no body by definition; one with a body must be something else.
    status = 200 if answer.status == 204 and kind != "empty" else answer.status
    headers = dict(answer.headers)
    body = b""
    if kind == "html":
        body = b"<html><body><h1>Our services aren't available right now</h1></body></html>"
        headers["Content-Type"] = HTML
    elif kind == "garbage":
        body = answer.body[: len(answer.body) // 2] or b'{"error":'
    elif kind == "huge":
        payload = {**json.loads(answer.body or b"{}"), "padding": "x" * _HUGE}
        body = json.dumps(payload).encode()
    return replace(answer, status=status, body=body, headers=headers)
