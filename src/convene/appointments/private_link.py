"""The private link of a request: with it a guest follows and cancels the request.

It is signed for one tenant, says nothing but the request's id, and is kept nowhere.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.core.signing import BadSignature, Signer

from convene.tenancy.models import Tenant

from .models import AppointmentRequest

LASTS = timedelta(days=30)
"""How long it opens after the appointment's end."""


def token_of(tenant_id: UUID, appointment_id: UUID) -> str:
    return _signer(tenant_id).sign(appointment_id.hex)


def open_link(tenant: Tenant, token: str, now: datetime) -> AppointmentRequest | None:
    """The request that the token was made for; None for one that is forged, foreign or too old."""
    try:
        appointment_id = UUID(_signer(tenant.id).unsign(token))
    except BadSignature:
        return None
    appointment = AppointmentRequest.objects.with_people().filter(id=appointment_id).first()
    return appointment if appointment and now < appointment.ends_at + LASTS else None


def _signer(tenant_id: UUID) -> Signer:
    return Signer(salt=f"convene.private-link.{tenant_id}", sep=".")
