"""The door of the API."""

from typing import Any

from django.http import HttpRequest
from django.urls import resolve
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt  # no session is accepted behind it
def serve(request: HttpRequest) -> Any:
    """Load the API with its first call: whatever else starts, each command too, does without."""
    match = resolve(request.path_info, urlconf="convene.api.urls")
    request.resolver_match = match
    return match.func(request, *match.args, **match.kwargs)
