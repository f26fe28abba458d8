"""Secrets at rest: sealed with the installation's keys and bound to the place they are kept in."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

_SEPARATOR = "\x1f"


class CannotUnseal(Exception):
    """The secret was sealed with a key that is no longer known, or for another place."""


def is_key(text: str) -> bool:
    """Whether this can be one of CONVENE_SECRET_KEYS."""
    try:
        Fernet(text)
    except ValueError:
        return False
    return True


def seal(text: str, bound_to: str) -> str:
    """Encrypt a text so that it can be read only as ``bound_to``: its tenant, row and column."""
    return _keys().encrypt(f"{bound_to}{_SEPARATOR}{text}".encode()).decode()


def unseal(sealed: str, bound_to: str) -> str:
    """The text again. Raises CannotUnseal for an unknown key or another place."""
    try:
        place, _, text = _keys().decrypt(sealed.encode()).decode().partition(_SEPARATOR)
    except InvalidToken:
        raise CannotUnseal("sealed with a key that CONVENE_SECRET_KEYS does not hold") from None
    if place != bound_to:
        raise CannotUnseal("sealed for another place")
    return text


def _keys() -> MultiFernet:
    """The newest key seals, all of them unseal."""
    return MultiFernet([Fernet(key) for key in settings.CONVENE_SECRET_KEYS])
