"""How views answer: a part or a page, and never a page to what changed something."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe


class SeeOther(HttpResponseRedirect):
    """The answer to a page that acted: go and read the page that shows the result (303)."""

    status_code = 303


def render_part(
    request: HttpRequest,
    template: str,
    part: str,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """The named part of a page for htmx, the whole page for everybody else.

    This is the only place that asks whether a request came from htmx.
    """
    name = f"{template}#{part}" if request.htmx else template  # type: ignore[attr-defined]  # by the middleware
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


View = Callable[..., HttpResponseBase]

reading = require_safe
acting = require_POST


def get_or_post(read: View, act: View) -> View:
    """One address that reads with GET and acts with POST."""

    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        return (act if request.method == "POST" else read)(request, **kwargs)

    return view


class SignInMiddleware:
    """A part asked for after the session ended: the whole page goes to sign-in, not the part."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        target = response.headers.get("Location", "")
        to_sign_in = response.status_code == 302 and target.startswith(
            resolve_url(settings.LOGIN_URL)
        )
        if to_sign_in and request.htmx:  # type: ignore[attr-defined]  # by the middleware
            return HttpResponse(status=204, headers={"HX-Redirect": target})
        return response
