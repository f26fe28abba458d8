"""The Graph calls, checked in the order: token, role, user, policy, licence, body, meeting."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

from graphsim import tokens
from graphsim.directory import PolicyRefusal, Tenant, User
from graphsim.envelope import graph_error, graph_response, no_content
from graphsim.meetings import SETTINGS, Draft, Meeting, is_meeting_id, payload
from graphsim.routes import Route, RouteName
from graphsim.times import Instant
from graphsim.tokens import GRAPH_APP_ID
from graphsim.wire import Request, Response
from graphsim.world import NotInWorld, World

# A check that a fault makes fail although the world is in order.
Check = Literal["token", "claims", "role", "user", "policy"]

METADATA = "https://graph.microsoft.com/v1.0/$metadata"

_READ_USERS = {
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
}
_WRITE_MEETINGS = {"OnlineMeetings.ReadWrite.All"}
_READ_MEETINGS = {"OnlineMeetings.Read.All", *_WRITE_MEETINGS}
_ROLES: dict[RouteName, set[str]] = {
    "user": _READ_USERS,
    "get": _READ_MEETINGS,
    "find": _READ_MEETINGS,
}

_GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_FILTER = re.compile(
    r"(?P<field>joinWebUrl|joinMeetingIdSettings/joinMeetingId)\s+eq\s+'(?P<value>(?:[^']|'')*)'",
    re.IGNORECASE,
)
_TIMES = {"startDateTime", "endDateTime"}
_COMMON_FIELDS = {"@odata.type", "subject", "participants", *_TIMES}


class Refused(Exception):
    """Graph's refusal: HTTP status, code and message."""

    more_claims = False  # the token is good, but Conditional Access wants to read more in it

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Challenged(Refused):
    """Conditional Access steps in, for example because of the address that the app calls from."""

    more_claims = True

    def __init__(self) -> None:
        super().__init__(
            401,
            "InvalidAuthenticationToken",
            "Continuous access evaluation resulted in challenge with result: InteractionRequired "
            "and code: LocationConditionEvaluationSatisfied",
        )


@dataclass(frozen=True)
class Ask:
    """A request whose token, role, organizer and policy were found good."""

    request: Request
    route: Route
    world: World
    tenant: Tenant
    organizer: User


def answer(request: Request, route: Route, world: World, fail: Check | None = None) -> Response:
    try:
        claims, tenant = _authenticate(request, world, expired=fail == "token")
        if fail == "claims":
            raise Challenged
        if route.name == "unknown":
            raise _no_such_resource(request)
        _require_role(claims, route, missing=fail == "role")
        if route.name == "user":
            return _show_user(request, tenant, route.user, unknown=fail == "user")
        organizer = _organizer(tenant, route.user, unknown=fail == "user")
        if fail == "policy" or not tenant.allows(claims["appid"], organizer.id):
            raise _policy_missing(world.behaviour.policy_refusal, claims["appid"])
        if not organizer.licensed:
            # Reports disagree about this answer (403, 404, several texts): nobody may rely on it.
            raise Refused(403, "Forbidden", "The user has no license for Microsoft Teams.")
        return _OPERATIONS[route.name](Ask(request, route, world, tenant, organizer))
    except Refused as refused:
        return graph_error(
            request,
            refused.status,
            refused.code,
            refused.message,
            more_claims=refused.more_claims,
        )


def _authenticate(
    request: Request, world: World, *, expired: bool
) -> tuple[dict[str, Any], Tenant]:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise _bad_token("Access token is empty.")
    try:
        claims = tokens.read(token.strip())
    except tokens.BadToken as error:
        raise _bad_token(str(error)) from error
    tenant = world.find_tenant(claims["tid"])
    if expired or tenant is None:
        raise _bad_token("Lifetime validation failed, the token is expired.")
    if claims["aud"] not in (tenant.resource, GRAPH_APP_ID):
        raise _bad_token("Access token validation failure. Invalid audience.")
    return claims, tenant


def _require_role(claims: Mapping[str, Any], route: Route, *, missing: bool) -> None:
    wanted = _ROLES.get(route.name, _WRITE_MEETINGS)
    if not missing and wanted & set(claims.get("roles", ())):
        return
    if route.name == "user":
        raise Refused(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    raise Refused(403, "Forbidden", "")


def _organizer(tenant: Tenant, key: str, *, unknown: bool) -> User:
    """The user a meeting path names, by object id only: Graph answers 404 to a UPN here."""
    user = tenant.user(key) if _GUID.fullmatch(key) else None
    if user is None or unknown:
        raise Refused(404, "UnknownError", "")
    return user


def _show_user(request: Request, tenant: Tenant, key: str, *, unknown: bool) -> Response:
    user = tenant.user(key)
    if user is None or unknown:
        raise Refused(
            404,
            "Request_ResourceNotFound",
            f"Resource '{key}' does not exist or one of its queried reference-property objects "
            "are not present.",
        )
    shown: dict[str, object] = {
        "businessPhones": [],
        "displayName": user.display_name,
        "givenName": None,
        "jobTitle": None,
        "mail": user.upn,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": None,
        "userPrincipalName": user.upn,
        "id": user.id,
    }
    context = f"{METADATA}#users/$entity"
    if "$select" in request.query:
        names = [name.strip() for name in request.query["$select"].split(",")]
        shown = _select({**shown, "accountEnabled": user.enabled}, names)
        context = f"{METADATA}#users({','.join(names)})/$entity"
    return graph_response(request, 200, {"@odata.context": context, **shown})


def _select(entity: dict[str, object], names: list[str]) -> dict[str, object]:
    for name in names:
        if name not in entity:
            raise Refused(
                400,
                "BadRequest",
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}' "
                "on type 'microsoft.graph.user'.",
            )
    return {name: entity[name] for name in names}


def _create(ask: Ask) -> Response:
    body = _body(ask.request, allowed={*_COMMON_FIELDS, *SETTINGS, "joinMeetingIdSettings"})
    meeting = ask.world.create_meeting(_draft(body), ask.tenant, ask.organizer)
    return _entity(ask, 201, meeting)


def _create_or_get(ask: Ask) -> Response:
    body = _body(ask.request, allowed=None)
    external_id = body.get("externalId")
    if not isinstance(external_id, str) or not external_id:
        raise _bad_request()
    # Settings other than these are ignored here, they need a PATCH afterwards.
    heard = {name: value for name, value in body.items() if name in _COMMON_FIELDS}
    draft = replace(_draft(heard), external_id=external_id)
    meeting, is_new = ask.world.create_or_get_meeting(draft, ask.tenant, ask.organizer)
    return _entity(ask, 201 if is_new else 200, meeting)


def _get(ask: Ask) -> Response:
    return _entity(ask, 200, _meeting(ask))


def _find(ask: Ask) -> Response:
    match = _FILTER.fullmatch(ask.request.query.get("$filter", "").strip())
    if match is None:
        raise Refused(
            400,
            "BadRequest",
            "The requested resource is not a collection. Query options $filter, $orderby, $count, "
            "$skip, and $top can be applied only on collections.",
        )
    wanted = match["value"].replace("''", "'")
    by_link = match["field"].lower() == "joinweburl"
    found = [
        _payload(ask, meeting)
        for meeting in ask.world.meetings()
        if (meeting.tenant_id, meeting.organizer_id) == (ask.tenant.id, ask.organizer.id)
        and wanted == (meeting.join_web_url if by_link else meeting.join_meeting_id)
    ]
    if not found:
        raise _meeting_not_found()
    context = f"{METADATA}#users('{ask.organizer.id}')/onlineMeetings"
    return graph_response(ask.request, 200, {"@odata.context": context, "value": found})


def _update(ask: Ask) -> Response:
    body = _body(ask.request, allowed={*_COMMON_FIELDS, *SETTINGS})
    given = _TIMES & body.keys()
    if given and given != _TIMES:
        raise _bad_request()
    change = _draft(body)
    changes: dict[str, Any] = {}
    if given:
        changes |= {"start": change.start, "end": change.end}
    if "subject" in body:
        changes["subject"] = change.subject
    if "participants" in body:
        changes["attendees"] = change.attendees

    def updated(meeting: Meeting) -> Meeting:
        return replace(meeting, settings={**meeting.settings, **change.settings}, **changes)

    try:
        meeting = ask.world.change_meeting(_meeting(ask).id, updated)
    except NotInWorld:
        raise _meeting_not_found() from None
    return _entity(ask, 200, meeting)


def _delete(ask: Ask) -> Response:
    try:
        ask.world.delete_meeting(_meeting(ask).id)
    except NotInWorld:
        raise _meeting_not_found() from None
    return no_content(ask.request)


_OPERATIONS: dict[RouteName, Callable[[Ask], Response]] = {
    "create": _create,
    "create_or_get": _create_or_get,
    "get": _get,
    "find": _find,
    "update": _update,
    "delete": _delete,
}


def _body(request: Request, *, allowed: set[str] | None) -> dict[str, Any]:
    """The JSON object sent; a property that cannot be written is refused, never dropped."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise _bad_request()
    try:
        body = request.json()
    except ValueError:
        raise _bad_request() from None
    if not isinstance(body, dict):
        raise _bad_request()
    if allowed is not None:
        if "meetingType" in body:
            raise Refused(400, "BadRequest", "Updating meeting type is not supported.")
        if body.keys() - allowed:
            raise _bad_request()
    return body


def _draft(body: Mapping[str, Any]) -> Draft:
    subject = body.get("subject")
    if not (subject is None or isinstance(subject, str)):
        raise _bad_request()
    start, end = _times(body)
    return Draft(
        subject=subject,
        start=str(start),
        end=str(end),
        attendees=_attendees(body.get("participants")),
        settings={name: value for name, value in body.items() if name in SETTINGS},
    )


def _attendees(participants: object) -> tuple[object, ...]:
    if participants is None:
        return ()
    attendees = participants.get("attendees", []) if isinstance(participants, dict) else None
    if not isinstance(attendees, list):
        raise _bad_request()
    return tuple(attendees)


def _times(body: Mapping[str, Any]) -> tuple[Instant, Instant]:
    """Start and end; a missing end is an hour later, a meeting without times starts now."""
    if "endDateTime" in body and "startDateTime" not in body:
        raise _bad_request()
    try:
        start = Instant.parse(body["startDateTime"]) if "startDateTime" in body else Instant.now()
        end = (
            Instant.parse(body["endDateTime"])
            if "endDateTime" in body
            else start.plus(timedelta(hours=1))
        )
    except ValueError:
        raise _bad_request() from None
    # Equal times and times in the past are fine, by Microsoft's design.
    if end < start:
        raise _bad_request()
    return start, end


def _meeting(ask: Ask) -> Meeting:
    if not is_meeting_id(ask.route.meeting):
        raise Refused(400, "InvalidArgument", "Invalid meeting id")
    meeting = ask.world.find_meeting(ask.route.meeting)
    if meeting is None or meeting.tenant_id != ask.tenant.id:
        raise _meeting_not_found()
    if meeting.organizer_id != ask.organizer.id:
        raise Refused(403, "Forbidden", "3003: User does not have access to lookup meeting")
    return meeting


def _payload(ask: Ask, meeting: Meeting) -> dict[str, Any]:
    return payload(meeting, ask.tenant, ask.organizer)


def _entity(ask: Ask, status: int, meeting: Meeting) -> Response:
    context = f"{METADATA}#users('{ask.organizer.id}')/onlineMeetings/$entity"
    return graph_response(
        ask.request, status, {"@odata.context": context, **_payload(ask, meeting)}
    )


def _bad_token(message: str) -> Refused:
    return Refused(401, "InvalidAuthenticationToken", message)


def _bad_request() -> Refused:
    return Refused(400, "BadRequest", "1026: An error has occurred.")


def _meeting_not_found() -> Refused:
    return Refused(404, "NotFound", "3004: Specified meeting is not found")


def _policy_missing(spelling: PolicyRefusal, client_id: str) -> Refused:
    found_none = "No application access policy found for this app"
    if spelling == "a'":
        return Refused(403, "General", f"{found_none}.")
    if spelling == "a''":
        return Refused(403, "Forbidden", f"{found_none} {client_id} on the user")
    return Refused(403, "Forbidden", found_none)


def _no_such_resource(request: Request) -> Refused:
    segments = request.segments[1:]
    if segments[:1] == ("me",):
        return Refused(
            400, "BadRequest", "/me request is only valid with delegated authentication flow."
        )
    segment = segments[0] if segments[:1] != ("users",) else segments[-1]
    return Refused(400, "BadRequest", f"Resource not found for the segment '{segment}'.")
