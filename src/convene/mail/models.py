"""The outbox: what is to be told, written in the transaction of the change that it tells."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import CombinedExpression
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from convene.tenancy.models import TenantManager, TenantModel, TenantQuerySet

from .templates import Template

PATIENCE = timedelta(minutes=5)  # with a mail that should have left
REMEMBERED = timedelta(days=7)  # that a mail was refused


class MailState(models.TextChoices):
    DUE = "due", _("Waiting")
    SENT = "sent", _("Sent")
    SUPERSEDED = "superseded", _("Not needed any more")
    FAILED = "failed", _("Refused")


# A moment, or the expression of one in a subquery.
Moment = datetime | CombinedExpression


def _telling(since: Moment) -> Q:
    return Q(state=MailState.DUE) | Q(state=MailState.SENT, sent_at__gte=since)


class OutboxQuerySet(TenantQuerySet["OutboxMail"]):
    def due(self, now: datetime) -> Self:
        """What may be sent now and is not being sent by somebody else."""
        free = Q(claimed_until=None) | Q(claimed_until__lt=now)
        return self.filter(free, state=MailState.DUE, not_before__lte=now)

    def telling(self, since: Moment) -> Self:
        """What left since then, or waits: that will tell what is true when it leaves."""
        return self.filter(_telling(since))

    def tried(self, since: Moment) -> Self:
        """What tells, and what was refused since then."""
        return self.filter(_telling(since) | Q(state=MailState.FAILED, created_at__gte=since))

    def undelivered(self, now: datetime) -> Self:
        """What did not leave for a while, or was refused lately.

        A later mail that left tells the recipient how things are, and the refused one is history.
        """
        long_ago = now - PATIENCE
        late = Q(state=MailState.DUE, created_at__lt=long_ago)
        late &= Q(attempts__gt=0) | Q(not_before__lt=long_ago)
        refused = Q(state=MailState.FAILED, created_at__gt=now - REMEMBERED)
        told_since = OutboxMail.objects.filter(
            subject_id=OuterRef("subject_id"),
            recipient=OuterRef("recipient"),
            created_at__gt=OuterRef("created_at"),
            state=MailState.SENT,
        )
        return self.filter(late | refused & ~Exists(told_since))


class OutboxMail(TenantModel):
    """One mail to one recipient about a subject (an appointment).

    What it says is made when it is sent. ``recipient`` names a role ("client",
    "technician:<membership id>"), not an address: that is looked up then, too. The ``told_*``
    columns keep what the mail told, so that a later one that would tell nothing new is dropped.
    """

    kind = models.CharField(max_length=60)
    subject_id = models.UUIDField()
    recipient = models.CharField(max_length=60)
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    state = models.CharField(max_length=20, choices=MailState.choices, default=MailState.DUE)
    reason = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    to = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=255, blank=True)

    told_status = models.CharField(max_length=20, blank=True)
    told_start = models.DateTimeField(null=True)
    told_end = models.DateTimeField(null=True)
    told_link = models.TextField(blank=True)
    told_technician = models.UUIDField(null=True)
    told_sequence = models.PositiveIntegerField(null=True)

    objects = TenantManager.from_queryset(OutboxQuerySet)()  # type: ignore[misc]  # a narrower manager

    class Meta:
        db_table = "outbox_mails"
        base_manager_name = "objects"
        ordering = ("created_at", "id")
        indexes = (
            models.Index(fields=["tenant", "subject_id", "created_at"], name="mails_of_a_subject"),
            models.Index(
                fields=["tenant", "not_before"],
                name="mails_that_wait",
                condition=Q(state=MailState.DUE),
            ),
            models.Index(
                fields=["tenant", "created_at"],
                name="mails_that_were_refused",
                condition=Q(state=MailState.FAILED),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"

    @property
    def is_refused(self) -> bool:
        return self.state == MailState.FAILED

    @property
    def note(self) -> str:
        """What people read beside its state: why it has not been sent."""
        if self.state != MailState.DUE:
            return self.reason
        if self.attempts:
            return gettext("The mail server did not take it yet. We keep trying.")
        if self.not_before < timezone.now() - PATIENCE:
            return gettext("Nobody has tried to send it. Whoever runs Convene looks at the worker.")
        return ""


class MailText(TenantModel):
    """An MSP's own words for a kind of mail: three Handlebars templates. Without a row, ours."""

    kind = models.CharField(max_length=60)
    subject = models.TextField()
    html = models.TextField()
    text = models.TextField()

    class Meta:
        db_table = "mail_texts"
        constraints = (
            models.UniqueConstraint(fields=["tenant", "kind"], name="one_text_of_a_kind"),
        )

    def __str__(self) -> str:
        return self.kind

    @property
    def template(self) -> Template:
        return Template(subject=self.subject, html=self.html, text=self.text)
