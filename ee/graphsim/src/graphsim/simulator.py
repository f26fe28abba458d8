"""The simulator as a whole: what a request goes through, and the handle tests hold."""

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from graphsim import codec, control, graph, login
from graphsim.calls import Call, CallLog
from graphsim.faults import Fault, Faults, distorted, failure
from graphsim.meetings import Meeting
from graphsim.routes import Route, find_route
from graphsim.server import Server
from graphsim.wire import Request, Response
from graphsim.world import World


class Stopped(Exception):
    """The simulator ended while a call was being delayed; it must not take effect any more."""


class Simulator:
    """A running simulator; `with start() as sim:` ends it."""

    def __init__(self, *, host: str, port: int, state: Path | None) -> None:
        self.world = World(state)
        self._desk = control.Desk(self.world, Faults(), CallLog())
        self._stopping = threading.Event()
        self._server = Server((host, port), self._handle)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def host(self) -> str:
        return str(self._server.server_address[0])

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address for Graph, for logins and for `/_sim/`, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def meetings(self) -> list[Meeting]:
        return self.world.meetings()

    def calls(self, route: str | None = None) -> list[Call]:
        """The calls so far, oldest first; of one route only if it is named."""
        return [call for call in self._desk.calls.all() if route in (None, call.route)]

    def fault(self, route: str, **effects: object) -> Fault:
        """Make the next calls of a route go wrong; the effects are the fields of `Fault`."""
        fault = codec.decode(Fault, {"route": route, **effects})
        self._desk.faults.add(fault)
        return fault

    def faults(self) -> list[Fault]:
        """The faults still waiting."""
        return self._desk.faults.all()

    def clear_faults(self) -> None:
        self._desk.faults.clear()

    def reset(self) -> None:
        """The default world, no faults, no calls."""
        self._desk.reset()

    def stop(self) -> None:
        """End it, with delays still running cut short; a second call does nothing."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._server.stop()
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _handle(self, request: Request) -> Response | None:
        if request.segments[0] == "_sim":
            return control.answer(request, self._desk)
        route = find_route(request)
        if route is None:
            return Response(404)
        started = time.monotonic()
        call = self._desk.calls.begin(request, route)
        try:
            response = self._answer(request, route)
        except Stopped:
            return None
        if response is not None:
            self._desk.calls.finish(call, response.status, time.monotonic() - started)
        return response

    def _answer(self, request: Request, route: Route) -> Response | None:
        if not route.is_login:
            self._pause(self.world.behaviour.delay_ms)
        fault = self._desk.faults.take(route)
        if fault is None:
            return self._carry_out(request, route)
        if fault.when == "before":
            self._pause(fault.delay_ms)
        response = self._answer_with(fault, request, route)
        if fault.when == "after":
            self._pause(fault.delay_ms)
        return response

    def _answer_with(self, fault: Fault, request: Request, route: Route) -> Response | None:
        if not fault.fails:
            return distorted(fault, self._carry_out(request, route, fault.refuse))
        if fault.when == "after":
            self._carry_out(request, route)
        return failure(fault, request, route)

    def _carry_out(
        self, request: Request, route: Route, fail: graph.Check | None = None
    ) -> Response:
        if route.is_login:
            return login.answer(request, route, self.world)
        return graph.answer(request, route, self.world, fail)

    def _pause(self, milliseconds: int) -> None:
        if milliseconds and self._stopping.wait(milliseconds / 1000):
            raise Stopped


def start(port: int = 0, *, host: str = "127.0.0.1", state: Path | str | None = None) -> Simulator:
    """Start a simulator that answers when this returns; port 0 picks a free one."""
    return Simulator(host=host, port=port, state=None if state is None else Path(state))
