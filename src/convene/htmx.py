"""The only place that asks whether a request came from htmx."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers


def render_part(
    request: HttpRequest,
    template: str,
    part: str,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """The named part of a page for htmx, the whole page for everybody else."""
    name = f"{template}#{part}" if request.htmx else template  # type: ignore[attr-defined]  # by the middleware
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


class SignInMiddleware:
    """A part asked for after the session ended: the whole page goes to sign-in, not the part."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        target = response.headers.get("Location", "")
        if request.htmx and response.status_code == 302 and target.startswith(  # type: ignore[attr-defined]  # by the middleware
            resolve_url(settings.LOGIN_URL)
        ):
            return HttpResponse(status=204, headers={"HX-Redirect": target})
        return response
