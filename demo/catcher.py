"""`python -m demo.catcher`: takes every mail that is sent to it, and shows it in a web inbox."""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo.inbox import Inbox
from demo.mails import Mailbox


class _Keep:
    """What the SMTP server does with a mail."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self._mailbox.add(envelope.original_content or b"")
        return "250 Kept for the demo"


@contextmanager
def catching(mailbox: Mailbox, *, smtp_port: int, web_port: int) -> Iterator[None]:
    """Take mails and show them while the block lasts, on this machine only."""
    with Inbox(mailbox, web_port) as inbox:
        pages = threading.Thread(target=inbox.serve_forever, args=(0.05,))
        pages.start()
        try:
            smtp = Controller(_Keep(mailbox), hostname="127.0.0.1", port=smtp_port)
            smtp.start()
            try:
                yield
            finally:
                smtp.stop()
        finally:
            inbox.shutdown()
            pages.join()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.catcher", description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--web-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="keeps the mails")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    mailbox = Mailbox(options.folder)
    try:
        with catching(mailbox, smtp_port=options.smtp_port, web_port=options.web_port):
            stop.wait()
    except OSError as error:
        sys.exit(f"catcher: {error}")


if __name__ == "__main__":
    main()
