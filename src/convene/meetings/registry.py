"""Which meeting provider there is.

A provider registers itself when its plugin starts. Absence is None: without a plugin there is no
provider, and one ``if`` says so.
"""

from django.utils.translation import gettext as _

from convene.tenancy.models import Tenant

from .provider import Capability, Explanation, MeetingProvider

_providers: dict[str, MeetingProvider] = {}


def register(provider: MeetingProvider) -> None:
    """Offer a provider to all tenants. Two of the same slug are a mistake: ValueError."""
    if provider.slug in _providers:
        raise ValueError(f"a meeting provider called {provider.slug!r} is registered already")
    _providers[provider.slug] = provider


def the_provider() -> MeetingProvider | None:
    """The provider of this installation, or None."""
    return next(iter(_providers.values()), None)


def provider_for(tenant: Tenant) -> MeetingProvider | None:
    """The provider that makes this tenant's new meetings."""
    return the_provider()


def provider_named(slug: str) -> MeetingProvider | None:
    """The provider that made an existing meeting; None when its plugin is gone."""
    return _providers.get(slug)


def capability(tenant: Tenant) -> Capability:
    """Whether a meeting could be made for the tenant now; inside a tenant's block."""
    provider = provider_for(tenant)
    return provider.capability(tenant) if provider else Capability(False, "ee_disabled")


def explain(code: str, slug: str = "") -> Explanation:
    """The words for a problem's code, asked of the provider that it came from."""
    own = {
        "ee_disabled": Explanation(
            _("Online meetings are not part of this installation."),
            _("Install a meeting provider, or go on without a meeting."),
        ),
        "provider_missing": Explanation(
            _("The part that made this meeting is no longer installed."),
            _("Ask your administrator to install it again, or forget the meeting."),
        ),
        "interrupted": Explanation(
            _("The meeting was being changed when the work was interrupted."),
            _("Try again."),
        ),
        "provider_defect": Explanation(
            _("Something unexpected happened while the meeting was being changed."),
            _("Try again; if it stays, show the log of that minute to whoever runs Convene."),
        ),
        "unsettled": Explanation(
            _("The appointment changed again and again while its meeting was being changed."),
            _("Try again."),
        ),
    }
    provider = _providers.get(slug) or the_provider()
    if code in own or provider is None:
        return own.get(code, own["provider_missing"])
    return provider.explain(code)
