"""What somebody has typed while they look for a time: it is nothing for an address.

The session keeps one text, of the request that was looked at last. A page asks for it by the
number of its request, so that a new request begins empty.
"""

from convene.tenancy.pages import TenantRequest

from .forms import LONGEST_DESCRIPTION

KEY = "portal_draft"
LONGEST_NUMBER = 36  # of a UUID, as forms write it


def keep(request: TenantRequest) -> str:
    """Keep what the posted form says; the answer is its number."""
    number: str = request.POST.get("submission", "")[:LONGEST_NUMBER]
    text = request.POST.get("description", "")[:LONGEST_DESCRIPTION]
    request.session[KEY] = {"submission": number, "description": text}
    return number


def of(request: TenantRequest) -> dict[str, str]:
    """The draft that the address names, as a form begins with it."""
    draft: dict[str, str] = request.session.get(KEY, {})
    return draft if draft.get("submission") == request.GET.get("draft") else {}


def forget(request: TenantRequest) -> None:
    request.session.pop(KEY, None)
