"""The token endpoint and the two documents that lead to it."""

import base64
import binascii
import hmac
import re
from datetime import UTC, datetime
from urllib.parse import unquote_plus

from graphsim import tokens
from graphsim.directory import App, Secret, Tenant
from graphsim.envelope import login_error, login_response
from graphsim.routes import Route
from graphsim.wire import Request, Response
from graphsim.world import World

# Clients such as msal insist on https here; they reach the simulator by rewriting this host.
LOGIN = "https://login.microsoftonline.com"

_GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", re.IGNORECASE)


class Denied(Exception):
    """Entra's refusal: HTTP status, OAuth error, AADSTS number and text."""

    def __init__(self, status: int, error: str, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.code, self.message = status, error, code, message


def answer(request: Request, route: Route, world: World) -> Response:
    try:
        if route.name == "token":
            return _token(request, route, world)
        if route.tenant:
            return _openid_configuration(request, route, world)
        return _instance_discovery(request)
    except Denied as denied:
        return login_error(request, denied.status, denied.error, denied.code, denied.message)


def _token(request: Request, route: Route, world: World) -> Response:
    form = request.form
    tenant = _tenant(route.tenant, world, unknown="invalid_request")
    if form.get("grant_type") != "client_credentials":
        raise Denied(
            400,
            "unsupported_grant_type",
            70003,
            "The app returned an unsupported grant type. Only client_credentials is simulated.",
        )
    client_id, secret = _credentials(request, form)
    app = _app(tenant, client_id)
    audience = _audience(tenant, form.get("scope", ""))
    if "client_assertion" in form:
        raise Denied(
            401,
            "invalid_client",
            700027,
            "Client assertion contains an invalid signature. [Reason - The key was not found.]",
        )
    _check_secret(app, secret)
    lifetime = world.behaviour.token_lifetime
    return login_response(
        request,
        200,
        {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": tokens.issue(tenant, app, audience=audience, lifetime=lifetime),
        },
    )


def _openid_configuration(request: Request, route: Route, world: World) -> Response:
    tenant = _tenant(route.tenant, world, unknown="invalid_tenant")
    base = f"{LOGIN}/{tenant.id}"
    document = {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "tenant_region_scope": None,
        "msgraph_host": tenant.resource.removeprefix("https://"),
    }
    return login_response(request, 200, document, cache="max-age=86400, private")


def _instance_discovery(request: Request) -> Response:
    host = LOGIN.removeprefix("https://")
    asked = request.query.get("authorization_endpoint", f"{LOGIN}/common/oauth2/v2.0/authorize")
    tenant = asked.removeprefix("https://").split("/")[1:2] or ["common"]
    document = {
        "tenant_discovery_endpoint": f"{LOGIN}/{tenant[0]}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }
    return login_response(request, 200, document, cache="max-age=86400, private")


def _tenant(key: str, world: World, *, unknown: str) -> Tenant:
    if not (_GUID.fullmatch(key) or _DOMAIN.fullmatch(key)):
        raise Denied(
            400,
            "invalid_request",
            900023,
            f"Specified tenant identifier '{key}' is neither a valid DNS name, "
            "nor a valid external domain.",
        )
    tenant = world.find_tenant(key)
    if tenant is None:
        raise Denied(
            400,
            unknown,
            90002,
            f"Tenant '{key}' not found. Check to make sure you have the correct tenant ID and are "
            "signing into the correct cloud. Check with your subscription administrator, this may "
            "happen if there are no active subscriptions for the tenant.",
        )
    return tenant


def _credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret from the form, or from HTTP Basic."""
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(user), unquote_plus(password)


def _app(tenant: Tenant, client_id: str) -> App:
    app = tenant.apps.get(client_id.lower())
    if app is None:
        raise Denied(
            400,
            "unauthorized_client",
            700016,
            f"Application with identifier '{client_id}' was not found in the directory "
            f"'{tenant.name}'. This can happen if the application has not been installed by the "
            "administrator of the tenant or consented to by any user in the tenant. You may have "
            "sent your authentication request to the wrong tenant.",
        )
    if not app.has_service_principal:
        raise Denied(
            401,
            "invalid_client",
            7000229,
            f"The client application {client_id} is missing service principal in the tenant "
            f"{tenant.id}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119",
        )
    return app


def _audience(tenant: Tenant, scope: str) -> str:
    """The resource a scope names: exactly one, and of the tenant's own cloud."""
    if len(scope.split()) != 1:
        raise Denied(
            400,
            "invalid_scope",
            70011,
            "The provided value for the input parameter 'scope' is not valid. "
            f"The scope {scope} is not valid.",
        )
    resource, slash, permission = scope.strip().rpartition("/")
    if not slash or permission != ".default":
        raise Denied(
            400,
            "invalid_scope",
            1002012,
            f"The provided value for scope {scope} is not valid. Client credential flows must "
            "have a scope value with /.default suffixed to the resource identifier "
            "(application ID URI).",
        )
    if resource not in (tenant.resource, tokens.GRAPH_APP_ID):
        raise Denied(
            400,
            "invalid_resource",
            500011,
            f"The resource principal named {resource} was not found in the tenant named "
            f"{tenant.name}.",
        )
    return resource


def _check_secret(app: App, given: str) -> None:
    known = [secret for secret in app.secrets if _same(secret, given)]
    if not known:
        raise Denied(
            401,
            "invalid_client",
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the "
            "client secret value, not the client secret ID, for a secret added to app "
            f"'{app.client_id}'.",
        )
    now = datetime.now(UTC)
    if all(secret.is_expired(now) for secret in known):
        raise Denied(
            401,
            "invalid_client",
            7000222,
            f"The provided client secret keys for app '{app.client_id}' are expired. Visit the "
            "Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or "
            "consider using certificate credentials for added security: "
            "https://aka.ms/certCreds.",
        )


def _same(secret: Secret, given: str) -> bool:
    return hmac.compare_digest(secret.value.encode(), given.encode())
