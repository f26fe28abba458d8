"""A plain client of the simulator: http.client, one kept connection."""

import http.client
import json
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlencode

from graphsim import Simulator
from graphsim.defaults import Organisation

SCOPE = "https://graph.microsoft.com/.default"
TIMES = {"startDateTime": "2026-12-01T10:00:00Z", "endDateTime": "2026-12-01T10:30:00Z"}


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and message of a Graph error."""
        error = self.json["error"]
        return self.status, error["code"], error["message"]


class Client:
    def __init__(self, sim: Simulator, organisation: Organisation, timeout: float = 5) -> None:
        self.organisation = organisation
        self.connection = http.client.HTTPConnection(sim.host, sim.port, timeout=timeout)
        self._token = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        self.connection.request(method, path, body=body, headers=headers or {})
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def log_in(self, tenant: str = "", **fields: str) -> Answer:
        form = {
            "client_id": self.organisation.client_id,
            "client_secret": self.organisation.client_secret,
            "scope": SCOPE,
            "grant_type": "client_credentials",
            **fields,
        }
        path = f"/{tenant or self.organisation.tenant_id}/oauth2/v2.0/token"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, urlencode(form).encode(), kind)

    def token(self) -> str:
        """The token of the first call, asked for once; `forget_token` asks again."""
        if not self._token:
            self._token = self.log_in().json["access_token"]
        return self._token

    def forget_token(self) -> None:
        self._token = ""

    def graph(
        self, method: str, path: str, payload: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        sent = {"Authorization": f"Bearer {self.token()}", **(headers or {})}
        body = None
        if payload is not None:
            sent.setdefault("Content-Type", "application/json")
            body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.send(method, f"/v1.0{path}", body, sent)

    @property
    def meetings_path(self) -> str:
        return f"/users/{self.organisation.organizer_id}/onlineMeetings"

    def create(self, **fields: object) -> Answer:
        return self.graph(
            "POST", self.meetings_path, {"subject": "Consultation", **TIMES, **fields}
        )

    def create_or_get(self, external_id: str, **fields: object) -> Answer:
        payload = {"externalId": external_id, "subject": "Consultation", **TIMES, **fields}
        return self.graph("POST", f"{self.meetings_path}/createOrGet", payload)

    def get(self, meeting_id: str) -> Answer:
        return self.graph("GET", f"{self.meetings_path}/{quote(meeting_id, safe='')}")

    def update(self, meeting_id: str, **fields: object) -> Answer:
        return self.graph("PATCH", f"{self.meetings_path}/{quote(meeting_id, safe='')}", fields)

    def delete(self, meeting_id: str) -> Answer:
        return self.graph("DELETE", f"{self.meetings_path}/{quote(meeting_id, safe='')}")

    def find(self, condition: str) -> Answer:
        query = urlencode({"$filter": condition}, quote_via=quote)
        return self.graph("GET", f"{self.meetings_path}?{query}")

    def look_up(self, key: str, select: str = "") -> Answer:
        query = f"?$select={select}" if select else ""
        return self.graph("GET", f"/users/{quote(key, safe='')}{query}")

    def control(self, method: str, path: str, payload: object = None) -> Answer:
        body = None if payload is None else json.dumps(payload).encode()
        return self.send(method, f"/_sim/{path}", body)
