"""What people do to the texts of mails."""

from convene.events.models import record
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant

from .kinds import MailKind
from .models import MailText
from .templates import Template

TEXT_CHANGED = "MAIL_TEXT_CHANGED"
TEXT_GIVEN_UP = "MAIL_TEXT_GIVEN_UP"


def save_text(tenant: Tenant, kind: MailKind, template: Template, *, by: Membership) -> None:
    """Let mails of a kind say this from now on. Our own text is none of theirs."""
    if template == kind.ours:
        give_up_text(tenant, kind, by=by)
        return
    with tenant_atomic(tenant):
        text, _created = MailText.objects.update_or_create(
            kind=kind.name,
            defaults={
                "subject": template.subject,
                "html": template.html,
                "text": template.text,
            },
        )
        record(TEXT_CHANGED, text.id, by=by, after={"kind": kind.name})


def give_up_text(tenant: Tenant, kind: MailKind, *, by: Membership) -> None:
    """Back to our own text, also to what it will be in later releases."""
    with tenant_atomic(tenant):
        for text in MailText.objects.select_for_update().filter(kind=kind.name):
            record(
                TEXT_GIVEN_UP,
                text.id,
                by=by,
                before={
                    "kind": kind.name,
                    "subject": text.subject,
                    "html": text.html,
                    "text": text.text,
                },
            )
            text.delete()
