"""The private link of a request: with it a guest follows and cancels the request.

It is signed for one tenant and for the address that the client gets mail at, says nothing but the
request's id, and is kept nowhere.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.core.signing import BadSignature, Signer

from .models import AppointmentRequest

LASTS = timedelta(days=30)
"""How long it opens after the appointment's end."""

_SEPARATOR = "."


def token_of(appointment: AppointmentRequest) -> str:
    return _signer(appointment).sign(appointment.id.hex)


def open_link(token: str, now: datetime) -> AppointmentRequest | None:
    """The request that the token was made for, inside its tenant's block.

    None for one that is forged, foreign, too old, or went to an address that was corrected since.
    """
    try:
        appointment_id = UUID(token.partition(_SEPARATOR)[0])
    except ValueError:
        return None
    appointment = AppointmentRequest.objects.with_people().filter(id=appointment_id).first()
    if appointment is None or now >= appointment.ends_at + LASTS:
        return None
    try:
        _signer(appointment).unsign(token)
    except BadSignature:
        return None
    return appointment


def _signer(appointment: AppointmentRequest) -> Signer:
    whose = f"{appointment.tenant_id}.{appointment.client_email}"
    return Signer(salt=f"convene.private-link.{whose}", sep=_SEPARATOR)
