"""The default meeting organizer: who it is, and whether Microsoft lets us make their meetings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from convene.events.models import record
from convene.meetings.provider import MeetingError
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant

from . import history, tokens
from .answers import MEETINGS_PERMISSION
from .clouds import is_guid
from .configuration import current_configuration, remember_organizer, selected_app
from .graph import SECONDS, Graph
from .meetings import resolve_organizer
from .models import TeamsIntegration
from .problems import Problem, explain
from .tokens import App
from .transport import Deadline

_LONGEST = 256
_SOON = timedelta(minutes=5)
_SHORT = timedelta(minutes=15)


@dataclass(frozen=True)
class SavedOrganizer:
    """A warning says that Microsoft has not confirmed the organizer, who is saved all the same."""

    display_name: str = ""
    warning: str = ""


@dataclass(frozen=True)
class Step:
    """One step of a verification: token, permission, organizer, policy or removal."""

    name: str
    ok: bool
    sentence: str
    next_step: str = ""


@dataclass(frozen=True)
class Verification:
    """Whether meetings can be made for an organizer; the step that is not ok says why not."""

    valid: bool
    display_name: str
    reason: str
    steps: tuple[Step, ...]
    object_id: str = ""
    """Who the organizer is, as far as the steps found out."""


def clean_organizer(text: str) -> str:
    """A user principal name or an object id as it is stored. Raises ValidationError."""
    text = text.strip()
    if is_guid(text):
        return text.lower()
    name, _at, domain = text.partition("@")
    is_name = name and domain and "@" not in domain and " " not in text and text.isprintable()
    if text and not (is_name and len(text) <= _LONGEST):
        raise ValidationError(
            _("Enter a user principal name such as scheduling@contoso.com, or an object id.")
        )
    return text


def set_default_meeting_organizer(
    tenant: Tenant, upn: str, *, by: Membership, seconds: float = SECONDS
) -> SavedOrganizer:
    """Save who organizes new meetings; an empty text means nobody, and no new meetings.

    Raises ValidationError for a text that cannot be a name. Whatever Microsoft says of it is a
    warning at most.
    """
    organizer = clean_organizer(upn)
    with tenant_atomic(tenant):
        integration, _created = TeamsIntegration.objects.select_for_update().get_or_create()
        before = integration.default_meeting_organizer_upn
        integration.default_meeting_organizer_upn = organizer or None
        integration.organizer_object_id = integration.organizer_name = ""
        integration.organizer_resolved_in = ""
        integration.save(
            update_fields=[
                "default_meeting_organizer_upn",
                "organizer_object_id",
                "organizer_name",
                "organizer_resolved_in",
            ]
        )
        record(
            history.ORGANIZER_CHANGED,
            integration.id,
            by=by,
            before={"organizer": before},
            after={"organizer": organizer or None},
        )
    return _ask_for(tenant, organizer, seconds) if organizer else SavedOrganizer()


def _ask_for(tenant: Tenant, organizer: str, seconds: float) -> SavedOrganizer:
    """What Microsoft knows of an organizer just saved. An object id needs no asking."""
    try:
        with tenant_atomic(tenant):
            configuration = current_configuration()
        if is_guid(organizer):
            return SavedOrganizer()
        graph = Graph(configuration.app, tenant_id=tenant.id, deadline=Deadline(seconds))
        return SavedOrganizer(display_name=resolve_organizer(tenant, configuration, graph).name)
    except MeetingError as error:
        words = explain(error.code)
        return SavedOrganizer(
            warning=_("The organizer is saved, but not confirmed. %(sentence)s %(next_step)s")
            % {"sentence": words.sentence, "next_step": words.next_step}
        )


def verify_meeting_organizer(tenant: Tenant, upn: str, *, seconds: float = SECONDS) -> Verification:
    """Try everything a meeting needs, up to a throw-away meeting that is removed again."""
    try:
        with tenant_atomic(tenant):
            app = selected_app()
    except MeetingError as error:
        return Verification(False, "", error.code, (_failed("token", error),))
    return _Trial(tenant, app, upn.strip(), seconds).run()


class _Trial:
    """The steps of a verification, in order; the first that fails is the last."""

    def __init__(self, tenant: Tenant, app: App, organizer: str, seconds: float):
        self._tenant, self._app, self._organizer, self._seconds = tenant, app, organizer, seconds
        self._graph = self._new_graph()
        self._object_id = self._display_name = self._leftover = ""

    def run(self) -> Verification:
        steps, reason = [], ""
        for name, check in self._checks().items():
            try:
                steps.append(Step(name, ok=True, sentence=check()))
            except MeetingError as error:
                steps.append(_failed(name, error))
                reason = error.code
                break
        if self._leftover:
            by_hand = _("Remove it in Teams by hand.")
            steps.append(Step("removal", ok=False, sentence=self._leftover, next_step=by_hand))
        return Verification(not reason, self._display_name, reason, tuple(steps), self._object_id)

    def _checks(self) -> dict[str, Callable[[], str]]:
        return {
            "token": self._sign_in,
            "permission": self._read_permission,
            "organizer": self._find_organizer,
            "policy": self._make_meeting,
        }

    def _sign_in(self) -> str:
        tokens.forget_token(self._app)
        self._graph.token()
        return _("Microsoft accepted the sign-in of the app.")

    def _read_permission(self) -> str:
        roles = self._graph.token().roles
        if roles is None:
            return _("The permissions cannot be read from here; the next steps need them.")
        if MEETINGS_PERMISSION not in roles:
            raise MeetingError(Problem.PERMISSION_MISSING)
        return _("The app has the permission %(name)s.") % {"name": MEETINGS_PERMISSION}

    def _find_organizer(self) -> str:
        if not self._organizer:
            raise MeetingError(Problem.NO_ORGANIZER)
        try:
            user = self._graph.find_user(self._organizer)
        except MeetingError as error:
            if error.code != Problem.LOOKUP_DENIED or not is_guid(self._organizer):
                raise
            self._object_id = self._organizer
            return _("The object id is taken as given; the app may not look it up.")
        self._object_id, self._display_name = user.id, user.name
        with tenant_atomic(self._tenant):
            remember_organizer(self._organizer, self._app, user.id, user.name)
        if not user.enabled:
            return _("%(name)s was found, but the account is disabled.") % {"name": user.name}
        return _("%(name)s was found.") % {"name": user.name}

    def _make_meeting(self) -> str:
        subject = _("Test of the connection to Teams")
        start = timezone.now() + _SOON
        try:
            meeting_id, _link = self._graph.create_meeting(
                self._object_id, subject, start, start + _SHORT
            )
        except MeetingError as error:
            if error.unknown_outcome:
                self._leftover = _('A test meeting "%(subject)s" may remain.') % {
                    "subject": subject
                }
            raise
        try:
            # With time of its own: a meeting left behind is worse than another wait.
            self._new_graph().delete_meeting(self._object_id, meeting_id)
        except MeetingError:
            self._leftover = _("The test meeting could not be removed; its id is %(id)s.") % {
                "id": meeting_id
            }
        return _("Teams lets the app make meetings for the organizer.")

    def _new_graph(self) -> Graph:
        return Graph(self._app, tenant_id=self._tenant.id, deadline=Deadline(self._seconds))


def _failed(name: str, error: MeetingError) -> Step:
    words = explain(error.code)
    return Step(name, ok=False, sentence=words.sentence, next_step=words.next_step)
