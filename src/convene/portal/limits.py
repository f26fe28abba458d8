"""How much guests may ask for and look at, counted in the database's cache."""

import random
from datetime import timedelta
from hashlib import sha256

from allauth.core import ratelimit
from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext as _

from convene.accounts.adapter import network_of
from convene.tenancy.pages import VisitorRequest

from .asking import TooMany
from .forms import WishForm

MOST_LOOKS = 1000  # at free times, in an hour and from one address
ONE_IN = 10  # is counted, for all of them: a look reads the count and seldom writes it
HOUR = timedelta(hours=1)


def look(request: VisitorRequest) -> None:
    """Raise TooMany for an address that has looked at free times more often than people do."""
    hour = timezone.now().timestamp() // HOUR.total_seconds()
    address = sha256(network_of(request).encode()).hexdigest()
    key = f"portal.looks:{hour:.0f}:{address}"
    counted: int = cache.get(key, 0)
    if counted * ONE_IN >= MOST_LOOKS:
        raise TooMany(
            _(
                "Free times were looked at very often from your address. Please come back in an"
                " hour, or write to %(email)s. What you typed is still there."
            )
            % {"email": request.tenant.email}
        )
    if random.randrange(ONE_IN) == 0:  # noqa: S311  # no secret
        cache.set(key, counted + 1, HOUR.total_seconds())


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
