"""A real SMTP server for tests, and what it received."""

import email
import email.policy
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from django.test import override_settings


class Postbox:
    """Keeps what it is sent. ``refuse`` answers the next recipients with that reply instead."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refuse: list[str] = []

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.refuse:
            return self.refuse.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    def subjects(self) -> list[str]:
        return [str(message["Subject"]).strip() for message in self.messages]

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to an address, oldest first."""
        return [message for message in self.messages if address in str(message["To"])]


@contextmanager
def postbox() -> Iterator[Postbox]:
    """The mail server of the settings, for as long as the block lasts."""
    box = Postbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    with override_settings(
        # Django keeps mails of tests in memory; we want them sent.
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=server.port,
    ):
        try:
            yield box
        finally:
            server.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def text_of(message: EmailMessage) -> str:
    """The plain text part."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def calendar_of(message: EmailMessage) -> dict[str, str]:
    """The attached calendar file: its properties by name, long lines unfolded."""
    attached = next(part for part in message.iter_attachments())
    content = attached.get_payload(decode=True)
    assert isinstance(content, bytes)
    lines = re.sub("\r\n[ \t]", "", content.decode()).split("\r\n")
    return dict(re.split("[:;]", line, maxsplit=1) for line in lines if line)
