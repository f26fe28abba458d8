"""Errors of the API in one shape, application/problem+json (RFC 9457), whoever answers.

`ProblemMiddleware` loads nothing of the API: it is part of every start.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

BEGINS_WITH = "/api/"
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one thing that was sent; without a field it is the whole."""

    field: str
    message: str


class Problem(Exception):
    """What the caller reads instead of an answer.

    ``obstacles`` speak against a time; if they ``can_be_overruled``, the same may be sent again
    with ``overrule``.
    """

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        obstacles: Sequence[str] = (),
        can_be_overruled: bool = False,
        headers: dict[str, str] | None = None,
    ):
        super().__init__(detail)
        self.status = status
        self.body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail or _usual_detail(status),
        }
        if errors:
            self.body["errors"] = [{"field": e.field, "message": e.message} for e in errors]
        if obstacles:
            self.body |= {"obstacles": list(obstacles), "can_be_overruled": can_be_overruled}
        self.headers = headers

    def answer(self) -> HttpResponse:
        return JsonResponse(
            self.body, status=self.status, content_type=MEDIA_TYPE, headers=self.headers
        )


def invalid(errors: Sequence[FieldError]) -> Problem:
    """Something that was sent cannot be what is meant."""
    words = [f"{e.field}: {e.message}" if e.field else e.message for e in errors]
    return Problem(422, " ".join(words), errors=errors)


def _usual_detail(status: int) -> str:
    return {
        400: _("This request cannot be read."),
        401: _("A valid API key is needed: Authorization: Bearer cvn_..."),
        403: _("The owner of this key may not do this."),
        404: _("There is nothing at this address."),
        405: _("This address does not know this method."),
        413: _("This request is too long."),
        429: _("There were too many calls. Try again later."),
        503: _("The database does not answer at the moment. Try again later."),
    }.get(status, _("Something broke on our side. What happened is in the log."))


class ProblemMiddleware:
    """Also what Django answers itself under /api/ is a problem: no page, and no traceback."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith(BEGINS_WITH):
            return response
        response.headers.setdefault("Cache-Control", "no-store")
        if response.status_code >= 400 and response.headers["Content-Type"] != MEDIA_TYPE:
            response.content = Problem(response.status_code).answer().content
            response.headers["Content-Type"] = MEDIA_TYPE
            response.headers["Content-Length"] = str(len(response.content))
        return response
