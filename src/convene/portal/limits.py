"""How much guests may ask for, counted in the database's cache."""

from ipaddress import ip_address, ip_network

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.utils.translation import gettext as _

from convene.tenancy.pages import VisitorRequest

from .asking import TooMany
from .forms import WishForm


def limit(request: VisitorRequest, form: WishForm, *, count: bool) -> None:
    """Raise TooMany for a guest's valid form where no more is taken (settings.ACCOUNT_RATE_LIMITS).

    With ``count`` one more was taken. Forms that are sent at the same moment are all let through.
    """
    tenant = str(request.tenant.id)
    keys = {
        "book_from_address": f"{tenant} {_network(request)}",
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


def _network(request: VisitorRequest) -> str:
    """Where a request comes from. Of IPv6 a whole network belongs to one person."""
    address = ip_address(get_adapter().get_client_ip(request))
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ip_network((address, 64), strict=False) if address.version == 6 else address)
