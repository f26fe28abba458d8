"""How far a tenant has come on the way to Teams meetings, and what is to be done next."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from convene.meetings.provider import Explanation, MeetingError
from convene.tenancy.models import Tenant

from .configuration import app_of, current_configuration
from .models import InstallStatus, MicrosoftProfile, TeamsIntegration
from .problems import explain
from .verifications import KeptVerification, standing_verification


def is_active(tenant: Tenant) -> bool:
    """Whether the integration is switched on; inside the tenant's block."""
    return TeamsIntegration.objects.filter(install_status=InstallStatus.ACTIVE).exists()


@dataclass(frozen=True)
class SetUpStep:
    name: str
    title: str
    sentence: str
    done: bool
    is_next: bool


@dataclass(frozen=True)
class Readiness:
    """All that a tenant has set up. A tenant that has nothing has an integration without a row."""

    integration: TeamsIntegration
    profiles: list[MicrosoftProfile]
    organizer_id: str
    """The saved organizer's object id, as far as it is known."""
    verification: KeptVerification | None

    @property
    def is_active(self) -> bool:
        return self.integration.install_status == InstallStatus.ACTIVE

    @property
    def has_failed(self) -> bool:
        return self.integration.install_status == InstallStatus.ERROR

    @property
    def can_sign_in(self) -> bool:
        """Whether it is switched on with a profile that could work."""
        return self.is_active and self.obstacle is None

    @property
    def profile(self) -> MicrosoftProfile | None:
        """The chosen profile."""
        profile: MicrosoftProfile | None = self.integration.selected_profile
        return profile

    @property
    def offered(self) -> list[MicrosoftProfile]:
        """The profiles that can be chosen."""
        return [profile for profile in self.profiles if not profile.archived]

    @property
    def choosing_helps(self) -> bool:
        """Whether choosing a profile would change anything."""
        return any(profile != self.profile or not self.can_sign_in for profile in self.offered)

    @property
    def organizer(self) -> str:
        return self.integration.default_meeting_organizer_upn or ""

    @property
    def obstacle(self) -> Explanation | None:
        """Why nothing can sign in, although the integration may be switched on."""
        if self.profile is None:
            return Explanation(_("No Microsoft profile is chosen."), _("Choose one."))
        if self.profile.archived:
            return Explanation(_("The chosen profile is archived."), _("Choose another one."))
        return trouble_with(self.profile)

    @property
    def is_switched_off(self) -> bool:
        """Whether all is there but the switch."""
        off = self.integration.install_status == InstallStatus.NOT_CONFIGURED
        return off and self.profile is not None

    @property
    def status(self) -> str:
        """The integration's state in a word or two."""
        if self.is_switched_off:
            return _("Switched off")
        return self.integration.get_install_status_display()

    @property
    def state(self) -> str:
        """The integration's state in a sentence."""
        match self.integration.install_status:
            case InstallStatus.ACTIVE:
                return self._active_state()
            case InstallStatus.INSTALL_PENDING:
                return _("The installation is not finished, so no Teams meetings are made yet.")
            case InstallStatus.ERROR:
                return self.integration.last_error or _("No new Teams meetings are made.")
        if self.is_switched_off:
            return _("No new Teams meetings are made. Existing ones still move and go.")
        return _("No Teams meetings are made yet.")

    def _active_state(self) -> str:
        if self.obstacle:
            return f"{self.obstacle.sentence} {self.obstacle.next_step}"
        if not self.organizer:
            return _("Nobody organizes the meetings yet, so approvers are not offered any.")
        return _("Approvers can give an appointment a Teams meeting.")

    @property
    def steps(self) -> list[SetUpStep]:
        """The whole way; the first step that is not done is the next."""
        done = {
            "profile": bool(self.offered),
            "activate": self.can_sign_in,
            "organizer": bool(self.organizer),
            "verify": self.verification is not None and self.verification.result.valid,
        }
        following = next((name for name in done if not done[name]), "")
        return [
            SetUpStep(name, title, sentence, done[name], name == following)
            for name, (title, sentence) in _set_up_words().items()
        ]


def readiness() -> Readiness:
    """What there is; inside the tenant's block, and nothing of Microsoft."""
    integration = TeamsIntegration.objects.select_related("selected_profile").first()
    try:
        organizer_id = current_configuration().organizer_id
    except MeetingError:
        organizer_id = ""
    return Readiness(
        integration or TeamsIntegration(),
        list(MicrosoftProfile.objects.order_by("archived", "display_name", "id")),
        organizer_id,
        standing_verification(integration) if integration else None,
    )


def trouble_with(profile: MicrosoftProfile) -> Explanation | None:
    """Why nothing can sign in with a profile, as far as we can tell without Microsoft."""
    try:
        app_of(profile)
    except MeetingError as error:
        return explain(error.code)
    return None


def _set_up_words() -> dict[str, tuple[str, str]]:
    return {
        "profile": (
            _("Add a Microsoft profile"),
            _("The app that Convene signs in as: its ids and its secret."),
        ),
        "activate": (
            _("Activate the integration"),
            _("Choose the profile and activate it."),
        ),
        "organizer": (
            _("Set the organizer"),
            _("The account that all meetings are made for."),
        ),
        "verify": (
            _("Verify"),
            _("A test meeting is made and removed; every step says what is missing."),
        ),
    }
