"""How much guests may ask for, counted in the database's cache."""

from allauth.core import ratelimit
from django.utils.translation import gettext as _

from convene.accounts.adapter import network_of
from convene.tenancy.pages import VisitorRequest

from .asking import TooMany
from .forms import WishForm


def limit(request: VisitorRequest, form: WishForm, *, count: bool) -> None:
    """Raise TooMany for a guest's valid form where no more is taken (settings.ACCOUNT_RATE_LIMITS).

    With ``count`` one more was taken. Forms that are sent at the same moment are all let through.
    """
    tenant = str(request.tenant.id)
    keys = {
        "book_from_address": f"{tenant} {network_of(request)}",
        "book_for_email": form.cleaned_data["email"].lower(),  # whomever they ask
        "book_in_tenant": tenant,
    }
    for action, key in keys.items():
        is_free = ratelimit.consume(request, action=action, key=key, dry_run=not count)
        if not (is_free or count):
            raise TooMany(
                _(
                    "There were many requests in the last hour. Please send this one in an hour, or"
                    " write to %(email)s. What you typed is still there."
                )
                % {"email": request.tenant.email}
            )
