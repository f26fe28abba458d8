"""What ``convene doctor`` looks at."""

from collections.abc import Iterator

from convene.sealed import CannotUnseal
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant

from .models import MicrosoftProfile


def unreadable_secrets() -> Iterator[str]:
    """A sentence for each client secret that no key opens."""
    for tenant in Tenant.objects.all():
        with tenant_atomic(tenant):
            for profile in MicrosoftProfile.objects.all():
                try:
                    profile.unseal_secret()
                except CannotUnseal as error:
                    yield (
                        f"The client secret of {profile.display_name} ({tenant.slug}) cannot be"
                        f" read: {error}. Enter it again, or put the old key back."
                    )
