"""Which call of Microsoft's a request is."""

from dataclasses import dataclass
from typing import Literal

from graphsim.wire import Request

RouteName = Literal[
    "token",
    "discovery",
    "user",
    "create",
    "create_or_get",
    "get",
    "find",
    "update",
    "delete",
    "unknown",
]


@dataclass(frozen=True)
class Route:
    name: RouteName
    tenant: str = ""
    user: str = ""
    meeting: str = ""

    @property
    def is_login(self) -> bool:
        return self.name in ("token", "discovery")


def find_route(request: Request) -> Route | None:
    """The call a request makes, `unknown` if Graph would refuse it, None if it is none at all."""
    match [request.method, *request.segments]:
        case ["GET", "common", "discovery", "instance"]:
            return Route("discovery")
        case ["GET", tenant, "v2.0", ".well-known", "openid-configuration"]:
            return Route("discovery", tenant=tenant)
        case ["POST", tenant, "oauth2", "v2.0", "token"]:
            return Route("token", tenant=tenant)
        case ["GET", "v1.0", "users", user]:
            return Route("user", user=user)
        case ["POST", "v1.0", "users", user, "onlineMeetings"]:
            return Route("create", user=user)
        case ["POST", "v1.0", "users", user, "onlineMeetings", "createOrGet"]:
            return Route("create_or_get", user=user)
        case ["GET", "v1.0", "users", user, "onlineMeetings"]:
            return Route("find", user=user)
        case ["GET", "v1.0", "users", user, "onlineMeetings", meeting]:
            return Route("get", user=user, meeting=meeting)
        case ["PATCH", "v1.0", "users", user, "onlineMeetings", meeting]:
            return Route("update", user=user, meeting=meeting)
        case ["DELETE", "v1.0", "users", user, "onlineMeetings", meeting]:
            return Route("delete", user=user, meeting=meeting)
        case [_, "v1.0" | "beta", *_]:
            return Route("unknown")
    return None
