"""The catcher takes mails over SMTP and shows them, whatever they hold."""

import http.client
import json
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.catcher import catching
from demo.mails import Mailbox, read_mail
from demo.ports import free_ports

HOSTILE = '</pre></title><script>alert("mail")</script><img src=x onerror=alert(1)>'


@dataclass(frozen=True)
class Running:
    smtp_port: int
    web_port: int
    mailbox: Mailbox

    def send(self, message: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port) as server:
            server.send_message(message)

    def get(self, path: str, host: str = "") -> tuple[http.client.HTTPResponse, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=5)
        connection.request("GET", path, headers={"Host": host} if host else {})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text

    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = json.loads(self.get("/messages.json")[1])
        return messages


@pytest.fixture
def catcher(tmp_path: Path) -> Iterator[Running]:
    smtp_port, web_port = free_ports(25_000, 2)
    mailbox = Mailbox(tmp_path, keep=3)
    with catching(mailbox, smtp_port=smtp_port, web_port=web_port):
        yield Running(smtp_port, web_port, mailbox)


def make_mail(subject: str = "Confirmed", text: str = "Hello", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Northwind IT <desk@northwind.example>"
    message["To"] = "Mia Sørensen <mia@client.example>"
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def test_a_mail_sent_over_smtp_is_in_the_inbox(catcher: Running) -> None:
    message = make_mail("Confirmed: 14:00–14:30", "Grüße", "<h1>Grüße</h1>")
    message.add_alternative("BEGIN:VCALENDAR\r\n", subtype="calendar", params={"method": "REQUEST"})
    message.add_attachment(b"x", maintype="application", subtype="ics", filename="appointment.ics")

    catcher.send(message)

    [found] = catcher.messages()
    assert found["sender"] == "Northwind IT <desk@northwind.example>"
    assert found["to"] == "Mia Sørensen <mia@client.example>"
    assert found["subject"] == "Confirmed: 14:00–14:30"
    assert found["text"].strip() == "Grüße"
    assert found["html"].strip() == "<h1>Grüße</h1>"
    assert found["calendar"].strip() == "BEGIN:VCALENDAR"
    assert found["attachments"] == ["appointment.ics (application/ics)"]


def test_the_newest_mail_stands_first_and_old_ones_go(catcher: Running) -> None:
    for number in range(5):
        catcher.send(make_mail(f"Mail {number}"))

    assert [mail["subject"] for mail in catcher.messages()] == ["Mail 4", "Mail 3", "Mail 2"]


def test_mails_survive_a_restart(catcher: Running, tmp_path: Path) -> None:
    catcher.send(make_mail("Still here"))

    assert [mail.subject for mail in Mailbox(tmp_path).newest_first()] == ["Still here"]


def test_a_hostile_mail_is_shown_as_text(catcher: Running) -> None:
    catcher.send(make_mail(HOSTILE, HOSTILE, HOSTILE))
    [mail] = catcher.messages()

    pages = [catcher.get(path)[1] for path in ("/", f"/mails/{mail['id']}/")]

    for page in pages:
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page


def test_the_html_of_a_mail_can_neither_run_scripts_nor_reach_anything(catcher: Running) -> None:
    catcher.send(make_mail(html=HOSTILE))
    [mail] = catcher.messages()

    response, html = catcher.get(f"/mails/{mail['id']}/html")

    policy = response.headers["Content-Security-Policy"].split("; ")
    assert HOSTILE in html
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "default-src 'none'" in policy
    assert "form-action 'none'" in policy
    assert not any("script" in directive for directive in policy)


def test_the_source_of_a_mail_is_never_taken_for_a_page(catcher: Running) -> None:
    catcher.send(make_mail(html=HOSTILE))
    [mail] = catcher.messages()

    response, source = catcher.get(f"/mails/{mail['id']}/source")

    assert "Content-Type: text/html" in source
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_calendar_file_can_be_downloaded(catcher: Running) -> None:
    message = make_mail()
    message.add_alternative("BEGIN:VCALENDAR\r\n", subtype="calendar")
    catcher.send(message)
    [mail] = catcher.messages()

    response, text = catcher.get(f"/mails/{mail['id']}/appointment.ics")

    assert text.strip() == "BEGIN:VCALENDAR"
    assert response.headers["Content-Disposition"] == 'attachment; filename="appointment.ics"'


@pytest.mark.parametrize(
    "path", ["/mails/00000000000000000001/", "/mails/..%2F..%2Fetc/", "/mails/../source", "/x"]
)
def test_what_is_not_there_is_not_found(catcher: Running, path: str) -> None:
    assert catcher.get(path)[0].status == 404


def test_another_sites_name_gets_nothing(catcher: Running) -> None:
    catcher.send(make_mail("Reset your password"))

    response, text = catcher.get("/messages.json", host="elsewhere.example")

    assert response.status == 403
    assert "Reset" not in text


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?nonsense?b?AAAA?=\n\nhello",
        b"Subject: =?utf-8?b?//8=?=\nContent-Type: text/plain; charset=nonsense\n\n\xff",
        b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n!!!",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth)
            for depth in range(3000)
        ),
    ],
    ids=["nothing", "bytes", "encoding", "charset", "base64", "nested"],
)
def test_a_broken_mail_is_kept_and_shown(catcher: Running, raw: bytes) -> None:
    catcher.mailbox.add(raw)
    [mail] = catcher.messages()

    assert [catcher.get(path)[0].status for path in ("/", f"/mails/{mail['id']}/")] == [200, 200]


@given(st.binary(max_size=400))
def test_any_bytes_can_be_read_as_a_mail(raw: bytes) -> None:
    mail = read_mail("1", datetime.now(UTC), b"Subject: " + raw)

    f"{mail.subject}{mail.text}{mail.html}{mail.calendar}".encode()
