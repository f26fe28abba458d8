"""`make sdk-check`: Microsoft's own Python SDK makes, moves, reads and removes a meeting here.

The SDK judges the simulator: it was written for the real service and knows nothing of us. It has an
environment of its own because of its size.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from azure.core.credentials import AccessToken
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.online_meeting import OnlineMeeting

from graphsim import Behaviour, Simulator, start
from graphsim.defaults import NORTHWIND
from graphsim.directory import IdStyle

SUBJECT = "Remote support: Lighthouse Law & Söhne"
START = datetime(2030, 3, 4, 9, 30, tzinfo=UTC)
HALF_AN_HOUR, A_DAY = timedelta(minutes=30), timedelta(days=1)


class Wrong(Exception):
    """The SDK and the simulator do not understand each other."""


class Credential:
    """A token from the simulator's own endpoint: azure-identity insists on https for that."""

    def __init__(self, sim: Simulator) -> None:
        self._address = f"{sim.url}/{NORTHWIND.tenant_id}/oauth2/v2.0/token"

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        form = {
            "grant_type": "client_credentials",
            "client_id": NORTHWIND.client_id,
            "client_secret": NORTHWIND.client_secret,
            "scope": " ".join(scopes),
        }
        opener = build_opener(ProxyHandler({}))
        with opener.open(self._address, urlencode(form).encode()) as answer:
            token = json.load(answer)
        until = datetime.now(UTC) + timedelta(seconds=token["expires_in"])
        return AccessToken(token["access_token"], int(until.timestamp()))


def client_of(sim: Simulator) -> GraphServiceClient:
    provider = AzureIdentityAuthenticationProvider(
        Credential(sim), scopes=["https://graph.microsoft.com/.default"], allowed_hosts=[sim.host]
    )
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = f"{sim.url}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


async def live_through_a_meeting(sim: Simulator) -> None:
    meetings = client_of(sim).users.by_user_id(NORTHWIND.organizer_id).online_meetings

    made = await meetings.post(times(START, subject=SUBJECT))
    check("POST", facts(made), (SUBJECT, START, START + HALF_AN_HOUR), held(sim))
    link = made.join_web_url
    check("its link", link, sim.meetings()[0].join_web_url)
    one = meetings.by_online_meeting_id(made.id)

    moved = await one.patch(times(START + A_DAY))
    later = (SUBJECT, START + A_DAY, START + A_DAY + HALF_AN_HOUR)
    check("PATCH", facts(moved), later, held(sim))

    read = await one.get()
    check("GET", (*facts(read), read.join_web_url, read.id), (*later, link, made.id))
    check("its organizer", read.participants.organizer.upn, NORTHWIND.organizer_upn)

    await one.delete()
    check("DELETE", sim.meetings(), [])
    check("GET after that", await refusal(one.get()), (404, "NotFound"))
    check("DELETE after that", await refusal(one.delete()), (404, "NotFound"))


async def be_refused(sim: Simulator) -> None:
    """Refusals reach the SDK's user with the status, the code and the request id."""
    meetings = client_of(sim).users.by_user_id(NORTHWIND.organizer_id).online_meetings
    sim.fault("create", refuse="policy")
    check("POST without a policy", await refusal(meetings.post(times(START))), (403, "Forbidden"))
    sim.fault("create", status=429, retry_after=1)
    check("POST, 429 and again", facts(await meetings.post(times(START)))[1], START)


async def refusal(call: Any) -> tuple[int, str]:
    try:
        await call
    except ODataError as error:
        if not (error.error and error.error.inner_error and error.error.inner_error.request_id):
            raise Wrong("an error without the request id") from error
        return error.response_status_code, error.error.code
    raise Wrong("a call that should be refused was carried out")


def times(starts_at: datetime, subject: str | None = None) -> OnlineMeeting:
    return OnlineMeeting(
        subject=subject, start_date_time=starts_at, end_date_time=starts_at + HALF_AN_HOUR
    )


def facts(meeting: OnlineMeeting) -> tuple[object, ...]:
    return meeting.subject, meeting.start_date_time, meeting.end_date_time


def held(sim: Simulator) -> tuple[object, ...]:
    """The same of the one meeting that the simulator holds."""
    (meeting,) = sim.meetings()
    at = (datetime.fromisoformat(text) for text in (meeting.start, meeting.end))
    return meeting.subject, *at


def check(what: str, found: object, *wanted: object) -> None:
    for other in wanted:
        if found != other:
            raise Wrong(f"{what}: {found!r}, not {other!r}")
    print(f"  {what}: as it should be")


def main() -> None:
    with start() as sim:
        try:
            for style in get_args(IdStyle):
                print(f"With ids of the style {style}")
                sim.world.behave(Behaviour(id_style=style))
                asyncio.run(live_through_a_meeting(sim))
            print("Refused")
            asyncio.run(be_refused(sim))
        except Wrong as wrong:
            sys.exit(f"sdk-check: {wrong}")


if __name__ == "__main__":
    main()
