"""The wrapping around every answer: headers and the two kinds of error body."""

from base64 import b64encode
from datetime import UTC, datetime

from graphsim.wire import Request, Response, json_response

_GRAPH_JSON = (
    "application/json;odata.metadata=minimal;odata.streaming=true;"
    "IEEE754Compatible=false;charset=utf-8"
)
_DIAGNOSTIC = (
    '{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"0",'
    '"ScaleUnit":"000","RoleInstance":"GRAPHSIM"}}'
)
_CHALLENGE = (
    'Bearer realm="", '
    'authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000"'
)


# What Conditional Access adds to it; base64 of the claims that the next token must have.
_CLAIMS = b'{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'
_MORE_CLAIMS = f', error="insufficient_claims", claims="{b64encode(_CLAIMS).decode()}"'


def client_request_id(request: Request) -> str:
    return request.headers.get("client-request-id", request.id)


def graph_headers(request: Request) -> dict[str, str]:
    return {
        "request-id": request.id,
        "client-request-id": client_request_id(request),
        "x-ms-ags-diagnostic": _DIAGNOSTIC,
        "Strict-Transport-Security": "max-age=31536000",
    }


def graph_response(request: Request, status: int, payload: object) -> Response:
    headers = {**graph_headers(request), "Content-Type": _GRAPH_JSON}
    return json_response(status, payload, headers)


def no_content(request: Request) -> Response:
    return Response(204, b"", graph_headers(request))


def graph_error(
    request: Request, status: int, code: str, message: str, *, more_claims: bool = False
) -> Response:
    inner = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request.id,
        "client-request-id": client_request_id(request),
    }
    if status == 429:
        inner = {"code": "429", "message": "Please retry after", "status": "429", **inner}
    headers = {**graph_headers(request), "Content-Type": "application/json"}
    if status == 401:
        headers["WWW-Authenticate"] = _CHALLENGE + (_MORE_CLAIMS if more_claims else "")
    error = {"code": code, "message": message, "innerError": inner}
    return json_response(status, {"error": error}, headers)


def login_response(
    request: Request, status: int, payload: object, *, cache: str = "no-store, no-cache"
) -> Response:
    return json_response(
        status,
        payload,
        {
            "Cache-Control": cache,
            "x-ms-request-id": request.id,
            "x-ms-ests-server": "graphsim",
            "client-request-id": client_request_id(request),
        },
    )


def login_error(request: Request, status: int, error: str, code: int, message: str) -> Response:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    correlation = client_request_id(request)
    return login_response(
        request,
        status,
        {
            "error": error,
            "error_description": (
                f"AADSTS{code}: {message} Trace ID: {request.id} "
                f"Correlation ID: {correlation} Timestamp: {now}"
            ),
            "error_codes": [code],
            "timestamp": now,
            "trace_id": request.id,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={code}",
        },
    )
