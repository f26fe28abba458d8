"""The web inbox: shows caught mails to people, and as JSON to programs.

A mail may hold anything. Our pages escape all of it and run no script. Its HTML has an address of
its own and gets there an origin of its own, without scripts, forms or anything from elsewhere.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from demo.mails import Mail, Mailbox

_NAMES_OF_THIS_MACHINE = {"127.0.0.1", "localhost"}
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Its links open beside it, as ordinary pages.
_SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
_MAIL_POLICY = (
    f"sandbox {_SANDBOX}; default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_HTML = "text/html; charset=utf-8"
_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    body: str | bytes
    type: str = _HTML
    policy: str = _PAGE_POLICY
    headers: dict[str, str] = field(default_factory=dict)


class Inbox(ThreadingHTTPServer):
    """The server of a mailbox, on this machine only."""

    daemon_threads = True

    def __init__(self, mailbox: Mailbox, port: int) -> None:
        self.mailbox = mailbox
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader who went away is no news; anything else is a bug and prints its traceback."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Inbox
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        # Under another name it would be another site's page that asks (DNS rebinding).
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        if host not in _NAMES_OF_THIS_MACHINE:
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        answer = _answer(urlsplit(self.path).path, self.server.mailbox)
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", answer.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A page that refreshes itself would fill the log."""


def _answer(path: str, mailbox: Mailbox) -> Answer | None:
    match path.split("/")[1:]:
        case [""]:
            return Answer(_list_page(mailbox.newest_first()))
        case ["style.css"]:
            return Answer(_STYLE, "text/css; charset=utf-8")
        case ["messages.json"]:
            return Answer(_as_json(mailbox.newest_first()), "application/json")
        case ["mails", id, "source"]:
            source = mailbox.source(id)
            return None if source is None else Answer(source, _PLAIN)
        case ["mails", id, part] if part in _PARTS:
            mail = mailbox.get(id)
            return _PARTS[part](mail) if mail else None
    return None


def _html_part(mail: Mail) -> Answer:
    return Answer(f'<!doctype html><base target="_blank">{mail.html}', policy=_MAIL_POLICY)


def _calendar_file(mail: Mail) -> Answer:
    headers = {"Content-Disposition": 'attachment; filename="appointment.ics"'}
    return Answer(mail.calendar, "text/calendar; charset=utf-8", headers=headers)


def _as_json(mails: list[Mail]) -> str:
    return json.dumps([asdict(mail) for mail in mails], default=datetime.isoformat)


def _list_page(mails: list[Mail]) -> str:
    rows = "".join(
        f'<tr><td class="time">{_time(mail)}</td><td>{escape(mail.to)}</td>'
        f'<td><a href="/mails/{mail.id}/">{escape(mail.subject) or "(no subject)"}</a></td></tr>'
        for mail in mails
    )
    table = f"<table><tr><th>Received</th><th>To</th><th>Subject</th></tr>{rows}</table>"
    nothing = "<p>No mail yet. Everything that the demo sends arrives here.</p>"
    heading = f"<h1>Mail <small>{len(mails)}</small></h1>"
    return _page("Mail", heading + (table if mails else nothing), refresh=True)


def _mail_page(mail: Mail) -> Answer:
    facts = {"From": mail.sender, "To": mail.to, "Received": _time(mail)}
    if mail.attachments:
        facts["Attached"] = ", ".join(mail.attachments)
    rows = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    body = f'<p><a href="/">All mail</a></p><h1>{escape(mail.subject)}</h1><dl>{rows}</dl>'
    if mail.html:
        body += (
            f'<h2>As HTML</h2><iframe title="The mail as HTML" sandbox="{_SANDBOX}"'
            f' src="/mails/{mail.id}/html"></iframe>'
        )
    if mail.text:
        body += f"<h2>As plain text</h2><pre>{escape(mail.text)}</pre>"
    if mail.calendar:
        body += (
            f'<h2>Calendar file <a href="/mails/{mail.id}/appointment.ics">Download</a></h2>'
            f"<pre>{escape(mail.calendar)}</pre>"
        )
    body += f'<p><a href="/mails/{mail.id}/source">Source</a></p>'
    return Answer(_page(mail.subject, body))


_PARTS: dict[str, Callable[[Mail], Answer]] = {
    "": _mail_page,
    "html": _html_part,
    "appointment.ics": _calendar_file,
}


def _time(mail: Mail) -> str:
    return f"{mail.received_at.astimezone():%d %b %H:%M:%S}"


def _page(title: str, body: str, *, refresh: bool = False) -> str:
    again = '<meta http-equiv="refresh" content="5">' if refresh else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title>{again}<link rel="stylesheet" href="/style.css"></head>'
        f"<body><main>{body}</main></body></html>"
    )


_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#dde3ea, #3a424d);
  --quiet: light-dark(#5b6675, #a3adba); --box: light-dark(#f7f9fb, #1d232b); }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin-top: 2rem; }
h1 small, h2 a { font-size: 1rem; font-weight: normal; color: var(--quiet); margin-left: .5rem; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th, dt, .time { color: var(--quiet); font-weight: normal; }
.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--box); border: 1px solid var(--line); border-radius: 6px;
  padding: 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
iframe { width: 100%; height: 42rem; border: 1px solid var(--line); border-radius: 6px;
  background: #fff; }
@media (max-width: 40rem) { tr { display: block; padding: .5rem 0; }
  tr:first-child { display: none; } td { display: block; border: 0; padding: 0; } }
"""
