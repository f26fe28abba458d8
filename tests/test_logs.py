"""What is written to the log, through the configuration that runs."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from convene.logs import log

KEY = "019a4c2e6f8d7b3c9e1f2a3b4c5d6e7f-d2f0a1-0123456789abcdef0123456789abcdef"
RESET = f"/accounts/password/reset/key/{KEY}/"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What goes to standard error."""
    [handler] = [found for found in logging.getLogger().handlers if found.name == "stderr"]
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before)


def lines(written: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_page_that_breaks_does_not_tell_the_key_in_its_address(written):
    answer = Client(raise_request_exception=False).get(RESET)  # it needs the database

    assert answer.status_code == 500
    assert [line["logger"] for line in lines(written)][-1] == "django.request"
    assert lines(written)[-1]["event"] == (
        "Internal Server Error: /accounts/password/reset/key/.../"
    )
    assert KEY not in written.getvalue()


def test_a_forged_form_does_not_tell_the_key_in_its_address(written):
    answer = Client(enforce_csrf_checks=True).post(RESET)

    assert answer.status_code == 403
    [forbidden] = [line for line in lines(written) if line["logger"] == "django.security.csrf"]
    assert forbidden["event"] == (
        "Forbidden (CSRF cookie not set.): /accounts/password/reset/key/.../"
    )
    assert KEY not in written.getvalue()


@pytest.mark.parametrize("address", [RESET, f"/book/northwind/r/{KEY}:s-_1/", RESET.rstrip("/")])
def test_no_logger_and_no_exception_tells_a_key(written, address):
    try:
        raise ValueError(f"No such page: '{address}'")
    except ValueError:
        log.exception("ours", where={"referer": f"https://convene.example{address}"})
        logging.getLogger("theirs").exception("At %s", address)

    assert [line["logger"] for line in lines(written)] == ["convene", "theirs"]
    assert written.getvalue().count("/...") == 4
    assert KEY not in written.getvalue()


@pytest.mark.usefixtures("db")
def test_a_probe_that_is_well_writes_nothing(written):
    assert Client().get("/healthz").status_code == 200

    assert written.getvalue() == ""


def test_a_probe_that_fails_is_written(written):
    assert Client(raise_request_exception=False).get("/healthz").status_code == 500

    assert [line["event"] for line in lines(written)] == [
        "request_failed",
        "Internal Server Error: /healthz",
    ]


@pytest.mark.usefixtures("db")
def test_a_foreign_host_is_a_warning_without_a_traceback(written):
    assert Client(headers={"host": "scanner.example"}).get("/accounts/login/").status_code == 400

    assert {line["level"] for line in lines(written)} == {"info", "warning"}
    [refused] = [line for line in lines(written) if line["logger"].endswith(".DisallowedHost")]
    assert refused["event"].startswith("Invalid HTTP_HOST header: 'scanner.example'.")
    assert "exception" not in refused
