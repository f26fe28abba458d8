"""All that can go wrong with one operation at Microsoft, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from graphsim.defaults import READ_WRITE_MEETINGS
from graphsim.world import World

SLOW = 250  # milliseconds, comfortably more than whoever is in a hurry waits

CREATE, UPDATE, DELETE = "create", "update", "delete"


@dataclass(frozen=True)
class Maker:
    """With whose rights a meeting is made, and of whom: nobody else may touch it."""

    tenant_id: UUID
    directory: str
    """The Microsoft tenant."""
    client_id: str
    organizer: str


@dataclass(frozen=True)
class Trouble:
    """What befalls one operation: faults of the simulator, or something that an admin did there."""

    effects: Mapping[str, object] = field(default_factory=dict)
    route: str = ""
    """That of the operation itself if nothing else is said."""
    only: tuple[str, ...] = (CREATE, UPDATE, DELETE)
    change: Callable[[World, Maker], None] | None = None
    taken_back: Mapping[str, object] = field(default_factory=dict)
    """What befalls the delete of a meeting just made that nobody could join."""
    signs_in: bool = False
    """It needs a new token to be noticed."""

    @property
    def is_slow(self) -> bool:
        return bool({"delay_ms", "drip_ms"} & self.effects.keys())


def _uninstall_the_app(world: World, of: Maker) -> None:
    app = world.app(of.directory, of.client_id)
    world.put_app(of.directory, replace(app, has_service_principal=False))


def _take_the_licence(world: World, of: Maker) -> None:
    user = world.user(of.directory, of.organizer)
    world.put_user(of.directory, replace(user, licensed=False))


def _remove_the_app(world: World, of: Maker) -> None:
    tenant = world.tenant(of.directory)
    kept = {key: app for key, app in tenant.apps.items() if key != of.client_id}
    world.put_tenant(replace(tenant, apps=kept))


def _refused(status: int, code: str, message: str = "", **more: object) -> Trouble:
    return Trouble({"status": status, "code": code, "message": message} | more)


NO_POLICY = "No application access policy found for this app"
NO_AUTHORITY = "App is not authorized to Create meeting on behalf of user"
DENIED = "3003: User does not have access to lookup meeting"

# The letters are one for each answer that Graph is known to give; after them come other answers,
# none at all, and the token endpoint's.
TROUBLES = {
    # Refused by Graph
    "a no policy": Trouble({"refuse": "policy"}),
    "a' no policy": _refused(403, "General", f"{NO_POLICY}."),
    "a'' no policy": _refused(403, "Forbidden", f"{NO_POLICY} 0b7e6a51 on the user"),
    "a''' no policy": _refused(403, "Unauthorized", NO_AUTHORITY),
    "a policy withdrawn": Trouble(
        change=lambda world, of: world.remove_policy(of.directory, of.client_id, of.organizer)
    ),
    "b no role": Trouble({"refuse": "role"}),
    "b no role any more": Trouble(
        change=lambda world, of: world.remove_role(of.directory, of.client_id, READ_WRITE_MEETINGS),
        signs_in=True,
    ),
    "b no consent": Trouble(
        change=lambda world, of: world.withdraw_consent(of.directory, of.client_id), signs_in=True
    ),
    "c no look-up": Trouble({"refuse": "role"}, route="user", only=(CREATE,)),
    "d nobody of that name": Trouble({"refuse": "user"}, route="user", only=(CREATE,)),
    "d look-up out of order": Trouble({"status": 503}, route="user", only=(CREATE,)),
    "e organizer unknown": Trouble({"refuse": "user"}),
    "e organizer removed": Trouble(
        change=lambda world, of: world.remove_user(of.directory, of.organizer)
    ),
    "f no licence": Trouble(change=_take_the_licence),
    "g removed": Trouble(only=(UPDATE, DELETE)),
    "h no access": Trouble(_refused(403, "Forbidden", DENIED).effects, only=(UPDATE, DELETE)),
    "i malformed id": Trouble(
        _refused(400, "InvalidArgument", "Invalid meeting id").effects, only=(UPDATE, DELETE)
    ),
    "j bad request": _refused(400, "BadRequest", "1026: An error has occurred."),
    "k delegated": _refused(403, "General", "Organizer ID in token does not match"),
    "l token once": Trouble({"refuse": "token"}),
    "m token always": Trouble({"refuse": "token", "times": 2}),
    "n garbage token": _refused(401, "InvalidAuthenticationToken", "IDX14100: JWT is not formed"),
    "o backend": _refused(401, "AuthenticationError", "Error authenticating with resource"),
    "p throttled": _refused(429, "TooManyRequests", retry_after=30),
    "r conflict": _refused(409, "Conflict"),
    "r precondition": _refused(412, "PreconditionFailed"),
    "r locked": _refused(423, "Locked"),
    "s more claims": Trouble({"refuse": "claims"}),
    "404 of a proxy": Trouble({"status": 404, "body": "html"}),
    "404 without a code": _refused(404, ""),
    # Out of order, before the write or after it
    "q 500": Trouble({"status": 500}),
    "q 500, written": Trouble({"status": 500, "when": "after"}),
    "q 502 page": Trouble({"status": 502, "body": "html"}),
    "q 503 empty, written": Trouble({"status": 503, "body": "empty", "when": "after"}),
    "q 504 garbage": Trouble({"status": 504, "body": "garbage"}),
    "redirected": Trouble({"status": 302, "body": "empty"}),
    # Answers that make no sense
    "page, written": Trouble({"body": "html"}),
    "empty, written": Trouble({"body": "empty"}),
    "garbage, written": Trouble({"body": "garbage"}, only=(CREATE, UPDATE)),
    "huge, written": Trouble({"body": "huge"}, only=(CREATE, UPDATE)),
    "no id": Trouble({"without": ["id"]}, only=(CREATE,)),
    "id is a number": Trouble({"replace": {"id": 7}}, only=(CREATE,)),
    "no link": Trouble({"without": ["joinWebUrl"]}, only=(CREATE,)),
    "no link, stays": Trouble(
        {"without": ["joinWebUrl"]}, only=(CREATE,), taken_back={"status": 503}
    ),
    "http link": Trouble({"replace": {"joinWebUrl": "http://teams.example/x"}}, only=(CREATE,)),
    # No answer
    "reset": Trouble({"reset": True}),
    "reset, written": Trouble({"reset": True, "when": "after"}),
    "slow": Trouble({"delay_ms": SLOW, "status": 504}),
    "slow, written late": Trouble({"delay_ms": SLOW}),
    "slow, written": Trouble({"delay_ms": SLOW, "when": "after"}),
    "dripping, written": Trouble({"drip_ms": SLOW // 10}, only=(CREATE, UPDATE)),
    # Signing in
    "sign-in wrong secret": Trouble(
        change=lambda world, of: world.set_secret(of.directory, of.client_id, "another"),
        signs_in=True,
    ),
    "sign-in secret expired": Trouble(
        change=lambda world, of: world.expire_secrets(of.directory, of.client_id), signs_in=True
    ),
    "sign-in app unknown": Trouble(change=_remove_the_app, signs_in=True),
    "sign-in app not installed": Trouble(change=_uninstall_the_app, signs_in=True),
    "sign-in tenant unknown": Trouble(
        change=lambda world, of: world.remove_tenant(of.directory), signs_in=True
    ),
    "sign-in tenant lost": Trouble(  # while we still have a token
        change=lambda world, of: world.remove_tenant(of.directory)
    ),
    "sign-in 429": Trouble({"status": 429, "retry_after": 5}, route="token", signs_in=True),
    "sign-in 503": Trouble({"status": 503, "body": "html"}, route="token", signs_in=True),
    "sign-in page": Trouble({"body": "html"}, route="token", signs_in=True),
    "sign-in no token": Trouble({"without": ["access_token"]}, route="token", signs_in=True),
    "sign-in reset": Trouble({"reset": True}, route="token", signs_in=True),
}
REMOVED = TROUBLES["g removed"]
