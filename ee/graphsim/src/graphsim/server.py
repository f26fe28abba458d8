"""HTTP/1.1 over threads: reads requests, writes each answer in one send."""

import os
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from graphsim.wire import Request, Response

# None: tear the connection down instead of answering.
Handle = Callable[[Request], Response | None]

_LARGEST_BODY = 4_000_000
_DRIPS = 20


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256  # the default of five makes a burst of clients wait a second

    def __init__(self, address: tuple[str, int], handle: Handle) -> None:
        self.handle = handle
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, Connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._guard:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a bug and prints its traceback."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stop listening and end the kept connections, as the end of a process would."""
        self.shutdown()
        self.server_close()
        with self._guard:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        if int(length) > _LARGEST_BODY:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        request = Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
        )
        response = self.server.handle(request)
        if response is None:
            self._reset()
        else:
            self._write(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def _write(self, response: Response) -> None:
        head = [
            f"HTTP/1.1 {response.status} {_phrase(response.status)}",
            f"Date: {formatdate(usegmt=True)}",
            *(f"{name}: {value}" for name, value in response.headers.items()),
        ]
        if response.status != HTTPStatus.NO_CONTENT:
            head.append(f"Content-Length: {len(response.body)}")
        whole = "\r\n".join([*head, "", ""]).encode("latin-1") + response.body
        if not response.drip_ms:
            self.wfile.write(whole)
            return
        size = -(-len(whole) // _DRIPS)
        for start in range(0, len(whole), size):
            self.wfile.write(whole[start : start + size])
            time.sleep(response.drip_ms / 1000)

    def _reset(self) -> None:
        self.close_connection = True
        # Linger zero turns the close into a TCP reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, format: str, *args: object) -> None:
        """The call log is under /_sim/calls; standard error is for bugs."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
