"""Reading the environment for settings.py: what is wrong is said in one sentence."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured


def must(holds: object, sentence: str) -> None:
    """Refuse to start otherwise."""
    if not holds:
        raise ImproperlyConfigured(sentence)


def env(name: str, default: str = "") -> str:
    """A text. ``<name>_FILE`` names a file that holds it, for secrets."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE names {path}, which cannot be read: {error.strerror}."
            ) from error
    return os.environ.get(name, default)


def listed(text: str) -> list[str]:
    """Texts separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def env_list(name: str) -> list[str]:
    """Texts separated by commas."""
    return listed(env(name))


def env_int(name: str, default: int) -> int:
    """A whole number that is not negative."""
    value = env(name, str(default))
    must(
        value.isascii() and value.isdigit(),
        f"{name} must be a whole number, 0 or more, not {value!r}.",
    )
    return int(value)


# Neither sentence shows the address: there may be a password in it.
def address(name: str, url: str, *schemes: str) -> SplitResult:
    """An address with one of these schemes and a host."""
    with suppress(ValueError):
        found = urlsplit(url)
        if found.scheme in schemes and found.hostname and found.port != 0:
            return found
    begin = " or ".join(f"{scheme}://" for scheme in schemes)
    raise ImproperlyConfigured(
        f"{name} must begin with {begin} and name a host; if it names a port, then by its number."
    )


def database(name: str, url: str) -> dict[str, Any]:
    """Django's settings of a database from its address."""
    with suppress(ValueError):
        if urlsplit(url).scheme in {"postgresql", "postgres"}:
            found: dict[str, Any] = dict(dj_database_url.parse(url))
            if found["NAME"]:
                return found
    raise ImproperlyConfigured(
        f"{name} must look like postgresql://user:password@host/database; what has a meaning in"
        " addresses is percent-encoded."
    )
