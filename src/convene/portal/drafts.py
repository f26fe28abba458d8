"""What somebody has typed while they look for a time: it is nothing for an address.

The session keeps it for the request that was looked at last. A page asks for it by the number of
its request, so that a new request begins empty.
"""

from uuid import uuid4

from django.forms import CharField

from convene.tenancy.pages import VisitorRequest

from .forms import WishForm

KEY = "portal_draft"
LONGEST_NUMBER = 36  # of a UUID, as forms write it
TYPED = ("name", "email", "phone", "company", "description")


def keep(request: VisitorRequest) -> dict[str, str]:
    """Keep what the posted form says; the answer is what names it in an address."""
    number: str = request.POST.get("submission", "")[:LONGEST_NUMBER]
    typed = {name: request.POST[name][: _longest(name)] for name in TYPED if name in request.POST}
    return _keep(request, number, typed)


def begin(request: VisitorRequest, **typed: str) -> dict[str, str]:
    """A new request that begins with what was typed for an earlier one."""
    return _keep(request, str(uuid4()), typed)


def _keep(request: VisitorRequest, number: str, typed: dict[str, str]) -> dict[str, str]:
    request.session[KEY] = {"submission": number, **typed}
    return {"draft": number}


def _longest(name: str) -> int | None:
    field = WishForm.base_fields[name]
    return field.max_length if isinstance(field, CharField) else 0


def named(request: VisitorRequest) -> dict[str, str]:
    """What names the draft that the address names, to go on with it."""
    return {"draft": number} if (number := of(request).get("submission")) else {}


def of(request: VisitorRequest) -> dict[str, str]:
    """The draft that the address names, as a form begins with it."""
    draft: dict[str, str] = request.session.get(KEY, {})
    return draft if draft.get("submission") == request.GET.get("draft") else {}


def forget(request: VisitorRequest) -> None:
    request.session.pop(KEY, None)
