"""Caught mails: the folder that keeps them, and reading one whatever it holds."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from functools import lru_cache
from pathlib import Path

KEPT = 500
_ID = re.compile(r"[0-9]{20}")


@dataclass(frozen=True)
class Mail:
    """What people read of a mail; ``calendar`` is its iCalendar file as text."""

    id: str
    received_at: datetime
    sender: str
    to: str
    subject: str
    text: str
    html: str
    calendar: str
    attachments: tuple[str, ...]


class Mailbox:
    """A folder with one file for each of the last mails, exactly as it came.

    Ids are the nanosecond of arrival, so the order of names is the order of mails.
    """

    def __init__(self, folder: Path, keep: int = KEPT) -> None:
        self._folder, self._keep = folder, keep
        self._guard = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, raw: bytes) -> None:
        with self._guard:
            ids = self._ids()
            new = f"{max(time.time_ns(), int(ids[-1]) + 1 if ids else 0):020}"
            unfinished = self._folder / "unfinished"
            unfinished.write_bytes(raw)
            unfinished.rename(self._path(new))
            for old in [*ids, new][: -self._keep]:
                self._path(old).unlink()

    def newest_first(self) -> list[Mail]:
        mails = (self.get(id) for id in reversed(self._ids()))
        return [mail for mail in mails if mail]

    def get(self, id: str) -> Mail | None:
        """The mail, or None where there is none (any more)."""
        return None if self.source(id) is None else _read(self._path(id))

    def source(self, id: str) -> bytes | None:
        """The mail as it came."""
        if not _ID.fullmatch(id):
            return None
        try:
            return self._path(id).read_bytes()
        except FileNotFoundError:
            return None

    def _ids(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.eml") if _ID.fullmatch(path.stem))

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.eml"


@lru_cache(maxsize=KEPT)
def _read(path: Path) -> Mail:
    """A kept file never changes, so each is taken apart once."""
    received_at = datetime.fromtimestamp(int(path.stem) / 1e9, UTC)
    return read_mail(path.stem, received_at, path.read_bytes())


def read_mail(id: str, received_at: datetime, raw: bytes) -> Mail:
    """Take a mail apart. Never raises: what cannot be read is shown as it came."""
    try:
        message = message_from_bytes(raw)
        return Mail(
            id,
            received_at,
            sender=_header(message, "From"),
            to=_header(message, "To"),
            subject=_header(message, "Subject"),
            text=_body(message, "text/plain"),
            html=_body(message, "text/html"),
            calendar=_body(message, "text/calendar"),
            attachments=tuple(_attachments(message)),
        )
    except Exception as error:  # whoever writes a mail decides what the parser stumbles over
        subject = f"(This mail cannot be read: {type(error).__name__})"
        text = raw.decode("utf-8", "replace")
        return Mail(id, received_at, "", "", subject, text, html="", calendar="", attachments=())


def _header(message: Message, name: str) -> str:
    value = message.get(name, "")
    try:
        text = str(make_header(decode_header(value)))
    except (LookupError, ValueError):  # an encoding that does not exist, or is not the one named
        text = str(value)
    return " ".join(_clean(text).split())


def _body(message: Message, content_type: str) -> str:
    """The first part of the type that is not an attachment."""
    for part in _leaves(message):
        if part.get_content_type() == content_type and not part.get_filename():
            return _text(part)
    return ""


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return _clean(content.decode(part.get_content_charset("utf-8"), "replace"))
    except LookupError:
        return _clean(content.decode("utf-8", "replace"))


def _attachments(message: Message) -> Iterator[str]:
    for part in _leaves(message):
        if name := part.get_filename():
            yield _clean(f"{name} ({part.get_content_type()})")


def _leaves(message: Message) -> Iterator[Message]:
    return (part for part in message.walk() if not part.is_multipart())


def _clean(text: str) -> str:
    """Text that can be written as UTF-8: the mail library keeps foreign bytes as surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")
