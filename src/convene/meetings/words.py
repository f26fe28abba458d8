"""The sentences about a provider's meetings; only the provider itself knows its name."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from .registry import provider_named, the_provider


@dataclass(frozen=True)
class Words:
    """The sentences about meetings of one provider."""

    label: str
    short_label: str

    @property
    def generate(self) -> str:
        return _("Generate %(label)s meeting link") % {"label": self.label}

    @property
    def create(self) -> str:
        return _("Create %(label)s meeting") % {"label": self.short_label}

    @property
    def creating(self) -> str:
        return _("Creating the %(label)s meeting…") % {"label": self.short_label}

    @property
    def join(self) -> str:
        return _("Join %(label)s Meeting") % {"label": self.short_label}

    @property
    def location(self) -> str:
        return _("%(label)s Meeting") % {"label": self.label}

    @property
    def will_be_moved(self) -> str:
        return _("The client is told and the %(label)s meeting is moved.") % {
            "label": self.short_label
        }

    @property
    def will_be_deleted(self) -> str:
        return _("This will also delete the %(label)s meeting.") % {"label": self.label}

    @property
    def not_created(self) -> str:
        return _("The appointment is approved, but the %(label)s meeting was not created.") % {
            "label": self.label
        }

    @property
    def not_moved(self) -> str:
        return _("The appointment was moved, but the %(label)s meeting was not.") % {
            "label": self.label
        }

    @property
    def not_deleted(self) -> str:
        return _(
            "Appointment deleted, but the %(label)s meeting could not be removed."
            " Please remove it manually in %(short)s."
        ) % {"label": self.label, "short": self.short_label}

    @property
    def being_updated(self) -> str:
        return _("The %(label)s meeting is being updated.") % {"label": self.label}


def words_of(slug: str | None) -> Words:
    """The words of the provider that made a meeting, or without one of who would make it.

    Neutral words when that provider is not installed.
    """
    provider = provider_named(slug) if slug else the_provider()
    if provider is None:
        return Words(_("online"), _("online"))
    return Words(provider.label, provider.short_label)
