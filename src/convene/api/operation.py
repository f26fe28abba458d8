"""One decorator does key, permission and the block that an operation reads in."""

import functools
import inspect
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Annotated, Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from pydantic import BaseModel, StringConstraints

from convene.appointments.actions import Refused
from convene.tenancy.db import tenant_atomic

from .auth import KeyAuth, KeyRequest
from .problems import BEGINS_WITH, MEDIA_TYPE, FieldError, Problem, invalid
from .shapes import ProblemShape

Slug = Annotated[str, StringConstraints(pattern=r"^[-a-zA-Z0-9_]+$", max_length=40)]
PROBLEMS = (400, 401, 403, 404, 409, 413, 422, 429)
STATUSES: dict[type[Exception], int] = {
    PermissionDenied: 403,
    ObjectDoesNotExist: 404,
    Http404: 404,
    Refused: 409,
    RequestDataTooBig: 413,
}


class Api(NinjaAPI):
    @functools.cached_property
    def schema(self) -> Any:
        """What can be called, with errors under the media type that they have."""
        schema = super().get_openapi_schema(path_prefix=f"{BEGINS_WITH}v1/")
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    if int(status) >= 400:
                        answer["content"] = {MEDIA_TYPE: answer["content"]["application/json"]}
        return schema

    def get_openapi_schema(self, **_kwargs: Any) -> Any:
        return self.schema


api = Api(
    title="Convene",
    version="1",
    description="What the staff does on its pages, for scripts and other tools. See docs/api.md.",
    urls_namespace="api",
    docs_url=None,
)


def operation(
    method: str,
    path: str,
    permission: str,
    answer: type[BaseModel],
    *,
    reads: bool = True,
    statuses: Iterable[int] = (200,),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Serve a function at ``/<tenant>`` and a path, to keys whose owner has the permission.

    One that only reads runs inside one block of the tenant. Times in sentences are in the owner's
    zone.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def guarded(request: KeyRequest, *, tenant: str, **kwargs: Any) -> Any:
            member = request.auth
            if not member.may(permission):
                raise PermissionDenied
            with ExitStack() as stack:
                stack.enter_context(timezone.override(member.zone))
                if reads:
                    stack.enter_context(tenant_atomic(member.tenant))
                return function(request, **kwargs)

        signature = inspect.signature(function)
        named = inspect.Parameter("tenant", inspect.Parameter.KEYWORD_ONLY, annotation=Slug)
        guarded.__signature__ = signature.replace(  # type: ignore[attr-defined]  # read by inspect
            parameters=[*signature.parameters.values(), named]
        )
        api.api_operation(
            [method],
            "/{slug:tenant}" + path,
            auth=KeyAuth(),
            response=dict.fromkeys(statuses, answer) | dict.fromkeys(PROBLEMS, ProblemShape),
            operation_id=function.__name__,
            url_name=function.__name__,
            by_alias=True,
            exclude_unset=True,
        )(guarded)
        return guarded

    return decorate


def _problem_of(error: Exception) -> Problem:
    """What the caller reads of an exception."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationError):
        return invalid([FieldError(_field(one["loc"]), _message(one)) for one in error.errors])
    if isinstance(error, HttpError):
        return Problem(error.status_code)
    status = next(status for kind, status in STATUSES.items() if isinstance(error, kind))
    return Problem(status, str(error) if isinstance(error, Refused) else "")


def _field(where: tuple[Any, ...]) -> str:
    """The name of what was sent, without where ninja looked for it."""
    return ".".join(map(str, where[2 if where[0] == "body" else 1 :]))


def _message(one: dict[str, Any]) -> str:
    is_no_object = one["type"].startswith("model_")
    return _("This must be a JSON object.") if is_no_object else str(one["msg"])


def _answer(request: HttpRequest, error: Any) -> HttpResponse:
    return _problem_of(error).answer()


for kind in (Problem, ValidationError, HttpError, *STATUSES):
    api.add_exception_handler(kind, _answer)
