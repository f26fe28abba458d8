"""Somebody at a browser, as light as it can be: what is measured is the server."""

import http.client
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from bench.system import HOST
from demo.browser import read_page
from demo.world import PASSWORD

PATIENCE = 60.0  # seconds


class Surprise(Exception):
    """The server's answer is not the one that is to be measured."""


@dataclass(frozen=True)
class Answer:
    status: int
    location: str
    body: str = field(repr=False)
    seconds: float
    """From the first byte of the request to the last of the answer."""


@dataclass(frozen=True)
class Sending:
    """A form that is filled in, ready to be sent."""

    address: str
    fields: dict[str, str]


class Visitor:
    """Signed in with their password. Each request is a connection of its own, as proxies do it."""

    def __init__(self, port: int, email: str) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}
        answer = self.send(self.form("/accounts/login/", "Sign in", login=email, password=PASSWORD))
        if answer.status != 302 or "sessionid" not in self._cookies:
            raise Surprise(f"{email} cannot sign in: {answer}")

    def open(self, address: str) -> Answer:
        """A page that must be there."""
        answer = self._ask("GET", address)
        if answer.status != 200:
            raise Surprise(f"{address}: {answer}")
        return answer

    def form(self, address: str, button: str, **typed: str) -> Sending:
        """The form of a page that a button sends."""
        form = read_page(address, self.open(address).body).form(button)
        return Sending(form.action or address, form.fields | typed)

    def send(self, sending: Sending) -> Answer:
        return self._ask("POST", sending.address, sending.fields)

    def _ask(self, method: str, address: str, fields: dict[str, str] | None = None) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={text}" for name, text in self._cookies.items())}
        body = None
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(fields)
        connection = http.client.HTTPConnection(HOST, self._port, timeout=PATIENCE)
        started = time.perf_counter()
        connection.request(method, address, body, headers)
        response = connection.getresponse()
        text = response.read()
        seconds = time.perf_counter() - started
        connection.close()
        self._keep_cookies(response)
        return Answer(response.status, response.getheader("Location", ""), text.decode(), seconds)

    def _keep_cookies(self, response: http.client.HTTPResponse) -> None:
        """A sentence for the next page is none to carry from approval to approval."""
        for header in response.headers.get_all("Set-Cookie", []):
            for name, cookie in SimpleCookie(header).items():
                if name != "messages":
                    self._cookies[name] = cookie.value
