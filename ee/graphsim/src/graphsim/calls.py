"""Every call the simulator was asked, in order."""

import itertools
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from graphsim import tokens
from graphsim.envelope import client_request_id
from graphsim.routes import Route, RouteName
from graphsim.wire import Request

# Enough for a long benchmark, and an end for a demo that runs for weeks.
_KEPT = 50_000

_SHOWN_FORM_FIELDS = ("client_id", "scope", "grant_type")


@dataclass(frozen=True)
class Call:
    number: int
    at: str
    method: str
    route: RouteName
    path: str
    tenant: str  # Microsoft tenant id: of the path for logins, of the token for Graph
    client_id: str
    request_id: str
    client_request_id: str
    body: object  # what was sent, without secrets; None when it was not readable
    status: int | None = None  # None: not answered yet, or never
    took_ms: float | None = None  # from its last byte to our first, delays included


class CallLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._numbers = itertools.count(1)

    def begin(self, request: Request, route: Route) -> Call:
        tenant, client_id = _who(request, route)
        call = Call(
            number=0,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            method=request.method,
            route=route.name,
            path=request.target,
            tenant=tenant,
            client_id=client_id,
            request_id=request.id,
            client_request_id=client_request_id(request),
            body=_body(request, route),
        )
        with self._lock:
            call = replace(call, number=next(self._numbers))
            self._calls[call.number] = call
            if len(self._calls) > _KEPT:
                del self._calls[next(iter(self._calls))]
        return call

    def finish(self, call: Call, status: int, seconds: float) -> None:
        answered = replace(call, status=status, took_ms=round(seconds * 1000, 2))
        with self._lock:
            if call.number in self._calls:
                self._calls[call.number] = answered

    def all(self) -> list[Call]:
        with self._lock:
            return list(self._calls.values())

    def clear(self) -> None:
        """Forget the calls and number the next one 1."""
        with self._lock:
            self._calls.clear()
            self._numbers = itertools.count(1)


def _who(request: Request, route: Route) -> tuple[str, str]:
    if route.is_login:
        return route.tenant, request.form.get("client_id", "")
    claims = tokens.peek(request.headers.get("authorization", "").partition(" ")[2])
    return str(claims.get("tid", "")), str(claims.get("appid", ""))


def _body(request: Request, route: Route) -> object:
    if route.is_login:
        form = request.form
        return {name: form[name] for name in _SHOWN_FORM_FIELDS if name in form} or None
    if not request.body:
        return None
    try:
        return request.json()
    except ValueError:
        return None
