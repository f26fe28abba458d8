"""The simulated Microsoft Graph from outside: how slow it is, and how long its calls took."""

import http.client
import json
from typing import Any

from bench.system import HOST


class Graph:
    def __init__(self, port: int) -> None:
        self._port = port
        self._seen = 0

    def answer_after(self, milliseconds: int) -> None:
        self._ask("PATCH", "world", {"delay_ms": milliseconds})

    def refuse(self, creates: int) -> None:
        """Be out of order for so many meetings."""
        self._ask("POST", "faults", {"route": "create", "status": 503, "times": creates})

    def new_creates(self) -> list[float]:
        """The simulator's own seconds for each meeting made since the last time we asked."""
        calls = [call for call in self._ask("GET", "calls") if call["number"] > self._seen]
        self._seen = max((call["number"] for call in calls), default=self._seen)
        return [
            call["took_ms"] / 1000
            for call in calls
            if call["route"] == "create" and call["status"] == 201
        ]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=10)
        connection.request(method, f"/_sim/{path}", None if body is None else json.dumps(body))
        response = connection.getresponse()
        said = response.read()
        connection.close()
        if response.status != 200:
            raise RuntimeError(f"The simulator answered {response.status}: {said.decode()}")
        return json.loads(said)
