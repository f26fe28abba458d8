"""The number of a request from the first step to the last, and what is typed on the way.

The number is the submission's, and travels in the address: who goes back and sends again sends the
same request. What is typed is nothing for an address: the session keeps it, for the request that
was looked at last. A page asks for it by the number, so that a new request begins empty.
"""

from datetime import timedelta
from uuid import UUID, uuid4

from django.forms import CharField
from django.utils import timezone

from convene.appointments.models import AppointmentRequest
from convene.tenancy.pages import VisitorRequest

from .forms import WishForm

KEY = "portal_draft"
LONGEST_NUMBER = 36  # of a UUID, as forms write it
ONE_SITTING = timedelta(hours=1)
VISITORS_SESSION = timedelta(days=1)  # of somebody who never signs in it is all that is kept
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
    if not request.user.is_authenticated:
        request.session.set_expiry(VISITORS_SESSION)
    request.session[KEY] = {"submission": number, **typed}
    return {"draft": number}


def _longest(name: str) -> int | None:
    field = WishForm.base_fields[name]
    return field.max_length if isinstance(field, CharField) else 0


def is_named(request: VisitorRequest) -> bool:
    """Whether the address names a request to go on with.

    One that was sent long ago is of an address that somebody has kept, or given to others.
    """
    try:
        number = UUID(request.GET.get("draft", ""))
    except ValueError:
        return False
    long_ago = timezone.now() - ONE_SITTING
    sent = AppointmentRequest.objects.filter(submission=number, created_at__lt=long_ago)
    return not sent.exists()


def named(request: VisitorRequest) -> dict[str, str]:
    """What names the request that the address names, to go on with it; or a new one."""
    return {"draft": request.GET["draft"] if is_named(request) else str(uuid4())}


def of(request: VisitorRequest) -> dict[str, str]:
    """The request that the address names, or a new one, as a form begins with it."""
    number = named(request)["draft"]
    draft: dict[str, str] = request.session.get(KEY, {})
    return draft if draft.get("submission") == number else {"submission": number}


def forget(request: VisitorRequest) -> None:
    request.session.pop(KEY, None)
