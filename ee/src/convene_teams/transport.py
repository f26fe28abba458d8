"""HTTP with one deadline for everything, no retries, no redirects and no proxy from outside."""

import logging
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any

import httpcore2
import httpx2

# The library writes whole addresses into the log: they name people and meetings.
logging.getLogger("httpx2").setLevel(logging.WARNING)
logging.getLogger("httpcore2").setLevel(logging.WARNING)

CONNECT_SECONDS = 3.0
MAX_BODY = 1_000_000
_KEEP_SECONDS = 15.0  # far below what Microsoft's front doors allow: none dies while we write


class Deadline:
    """A moment by which everything has to be over."""

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds until then; never negative."""
        return max(0.0, self._end - time.monotonic())


@dataclass(frozen=True)
class Answer:
    """What came back: ``body`` is None when it was longer than anybody should read."""

    status: int
    headers: httpx2.Headers
    body: bytes | None


class NotSent(Exception):
    """The other side was not reached: nothing has happened there."""


class NotAnswered(Exception):
    """The request is on its way, and nobody knows what became of it."""


def send(
    method: str,
    url: str,
    deadline: Deadline,
    *,
    headers: dict[str, str],
    json: object = None,
    form: dict[str, str] | None = None,
) -> Answer:
    """One request, answered by the deadline. Raises NotSent or NotAnswered."""
    # A compressed answer would hide its length until it has been unpacked.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
    try:
        with (
            _until(deadline),
            _client().stream(method, url, headers=headers, json=json, data=form) as response,
        ):
            return Answer(response.status_code, response.headers, _read(response))
    except (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.PoolTimeout,
        httpx2.LocalProtocolError,
        httpx2.UnsupportedProtocol,
        httpx2.InvalidURL,
    ) as error:
        raise NotSent(type(error).__name__) from None
    except httpx2.TransportError as error:
        raise NotAnswered(type(error).__name__) from None


def _read(response: httpx2.Response) -> bytes | None:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


@cache
def _client() -> httpx2.Client:
    """The one client of this process; it is safe to share between threads."""
    return httpx2.Client(
        transport=_Transport(trust_env=False),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(None, pool=CONNECT_SECONDS),  # all others are the deadline's
    )


def close() -> None:
    """Close this process's connections; the next request opens new ones."""
    _client().close()
    _client.cache_clear()


# The library's time-outs are for one read each, so that a server that sends a byte now and then
# is waited for without end. Our sockets know the deadline of the operation that uses them.
_deadline: ContextVar[Deadline] = ContextVar("teams_deadline")


@contextmanager
def _until(deadline: Deadline) -> Iterator[None]:
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def _left(too_late: type[httpcore2.TimeoutException]) -> float:
    """The seconds left; raises the given error when there are none."""
    left = _deadline.get().left()
    if not left:
        raise too_late("the operation's time is over")
    return left


class _Transport(httpx2.HTTPTransport):
    def __init__(self, *, trust_env: bool):
        super().__init__(trust_env=trust_env)
        # The library has no parameter for the sockets of its pool.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=trust_env),
            max_connections=100,
            keepalive_expiry=_KEEP_SECONDS,
            network_backend=_Sockets(),
        )


class _Sockets(httpcore2.NetworkBackend):
    """Connections, each address of a host tried in turn."""

    def __init__(self) -> None:
        self._backend = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: httpcore2.ConnectError | httpcore2.ConnectTimeout
        failure = httpcore2.ConnectError("no address")
        for address in _addresses(host, port):
            left = min(CONNECT_SECONDS, _left(httpcore2.ConnectTimeout))
            try:
                return _Socket(self._backend.connect_tcp(address, port, timeout=left))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


def _addresses(host: str, port: int) -> list[str]:
    """The addresses of a host. How long a look-up may take is up to the system's resolver."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore2.ConnectError(str(error)) from error
    return [str(address[0]) for _family, _type, _protocol, _name, address in found]


class _Socket(httpcore2.NetworkStream):
    """A connection on which every wait ends with the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream):
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = min(CONNECT_SECONDS, _left(httpcore2.ConnectTimeout))
        return _Socket(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
