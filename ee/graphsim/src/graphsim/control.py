"""The simulator's own API under `/_sim/`, for tests and for people in a demo."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from graphsim import codec, page
from graphsim.calls import CallLog
from graphsim.directory import App, Behaviour, Policy, Tenant, User
from graphsim.faults import Fault, Faults
from graphsim.wire import HTML, Request, Response, json_response
from graphsim.world import NotInWorld, World

T = TypeVar("T")

# The page needs nothing but its own markup.
_PAGE_HEADERS = {
    "Content-Type": HTML,
    "Content-Security-Policy": "default-src 'none'",
    "Cache-Control": "no-store",
}


class NoSuchResource(Exception):
    """The path and method name nothing here."""


@dataclass(frozen=True)
class Desk:
    """What the control API works on."""

    world: World
    faults: Faults
    calls: CallLog

    def reset(self) -> None:
        """The default world, no faults, no calls."""
        self.world.reset()
        self.faults.clear()
        self.calls.clear()


def answer(request: Request, desk: Desk) -> Response:
    segments = request.segments[1:]
    try:
        if request.method == "GET" and not segments:
            text = page.render(desk.world, desk.calls)
            return Response(200, text.encode("utf-8", "replace"), _PAGE_HEADERS)
        if segments[:1] == ("tenants",):
            result = _change_directory(request, segments[1:], desk.world)
        else:
            result = _serve(request, segments, desk)
    except NoSuchResource:
        return json_response(404, {"error": f"no {request.method} {request.path} here"})
    except NotInWorld as error:
        return json_response(404, {"error": str(error)})
    except ValueError as error:
        return json_response(400, {"error": str(error)})
    return Response(204) if result is None else json_response(200, codec.encode(result))


def _serve(request: Request, segments: tuple[str, ...], desk: Desk) -> object:
    match [request.method, *segments]:
        case ["GET", "meetings"]:
            return desk.world.meetings()
        case ["PATCH", "meetings", meeting_id]:
            times = _sent(request)
            if times.keys() != {"start", "end"}:
                raise ValueError("start and end are needed, and nothing else")
            return desk.world.move_meeting(meeting_id, times["start"], times["end"])
        case ["DELETE", "meetings", meeting_id]:
            desk.world.delete_meeting(meeting_id)
        case ["GET", "calls"]:
            return desk.calls.all()
        case ["GET", "faults"]:
            return desk.faults.all()
        case ["POST", "faults"]:
            fault = codec.decode(Fault, _sent(request))
            desk.faults.add(fault)
            return fault
        case ["DELETE", "faults"]:
            desk.faults.clear()
        case ["POST", "reset"]:
            desk.reset()
        case ["GET", "world"]:
            return desk.world.snapshot()
        case ["PATCH", "world"]:
            behaviour = _merged(Behaviour, desk.world.behaviour, request)
            desk.world.behave(behaviour)
            return behaviour
        case _:
            raise NoSuchResource
    return None


def _change_directory(request: Request, segments: tuple[str, ...], world: World) -> object:
    """PUT makes or replaces, PATCH changes what is there, DELETE removes."""
    match [request.method, *segments]:
        case ["PUT", tenant_id]:
            tenant = codec.decode(Tenant, {**_sent(request), "id": tenant_id})
            world.put_tenant(tenant)
            return tenant
        case ["DELETE", tenant_id]:
            world.remove_tenant(tenant_id)
        case ["PUT", tenant_id, "apps", client_id]:
            app = codec.decode(App, {**_sent(request), "client_id": client_id})
            world.put_app(tenant_id, app)
            return app
        case ["PATCH", tenant_id, "apps", client_id]:
            app = _merged(App, world.app(tenant_id, client_id), request)
            world.put_app(tenant_id, app)
            return app
        case ["PUT", tenant_id, "apps", client_id, "roles", role]:
            world.add_role(tenant_id, client_id, role)
        case ["DELETE", tenant_id, "apps", client_id, "roles", role]:
            world.remove_role(tenant_id, client_id, role)
        case ["PUT", tenant_id, "users", user_id]:
            user = codec.decode(User, {**_sent(request), "id": user_id})
            world.put_user(tenant_id, user)
            return user
        case ["PATCH", tenant_id, "users", user_id]:
            user = _merged(User, world.user(tenant_id, user_id), request)
            world.put_user(tenant_id, user)
            return user
        case ["DELETE", tenant_id, "users", user_id]:
            world.remove_user(tenant_id, user_id)
        case ["PUT", tenant_id, "policies", client_id, user_id]:
            named = {"client_id": client_id, "user_id": user_id}
            policy = codec.decode(Policy, {**_sent(request), **named})
            world.add_policy(tenant_id, client_id, user_id, policy.effective_at)
        case ["DELETE", tenant_id, "policies", client_id, user_id]:
            world.remove_policy(tenant_id, client_id, user_id)
        case _:
            raise NoSuchResource
    return None


def _sent(request: Request) -> Mapping[str, Any]:
    """The JSON object in the body; no body is an empty one."""
    body = request.json() if request.body else {}
    if not isinstance(body, dict):
        raise ValueError("a JSON object is needed")
    return body


def _merged(kind: type[T], old: T, request: Request) -> T:
    return codec.decode(kind, {**codec.encode(old), **_sent(request)})
