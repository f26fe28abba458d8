"""The page people look at in a demo: which meetings exist, and what was asked of Graph."""

from html import escape

from graphsim.calls import Call, CallLog
from graphsim.meetings import Meeting
from graphsim.world import World

_CALLS_SHOWN = 20

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="3">
<title>Simulated Microsoft Teams</title>
</head>
<body>
<h1>Simulated Microsoft Teams</h1>
<p>Nothing here reaches Microsoft. This page refreshes itself.</p>
<h2>Online meetings: {meeting_count}</h2>
<table border="1" cellpadding="6">
<thead><tr><th scope="col">Tenant</th><th scope="col">Organizer</th><th scope="col">Subject</th>
<th scope="col">Start</th><th scope="col">End</th><th scope="col">Join link</th></tr></thead>
<tbody>
{meetings}
</tbody>
</table>
<h2>Latest calls</h2>
<table border="1" cellpadding="6">
<thead><tr><th scope="col">No.</th><th scope="col">Time</th><th scope="col">Call</th>
<th scope="col">Tenant</th><th scope="col">Status</th></tr></thead>
<tbody>
{calls}
</tbody>
</table>
</body>
</html>
"""


def render(world: World, calls: CallLog) -> str:
    meetings = sorted(world.meetings(), key=lambda meeting: meeting.start)
    latest = calls.all()[: -_CALLS_SHOWN - 1 : -1]
    return _PAGE.format(
        meeting_count=len(meetings),
        meetings="\n".join(_meeting_row(meeting, world) for meeting in meetings),
        calls="\n".join(_call_row(call, world) for call in latest),
    )


def _meeting_row(meeting: Meeting, world: World) -> str:
    tenant = world.find_tenant(meeting.tenant_id)
    organizer = tenant.user(meeting.organizer_id) if tenant else None
    link = f'<a href="{escape(meeting.join_web_url)}" rel="noreferrer">Join</a>'
    return _row(
        _tenant_name(meeting.tenant_id, world),
        escape(organizer.upn if organizer else meeting.organizer_id),
        escape(meeting.subject or ""),
        escape(meeting.start),
        escape(meeting.end),
        link,
    )


def _call_row(call: Call, world: World) -> str:
    return _row(
        str(call.number),
        escape(call.at),
        escape(call.route),
        _tenant_name(call.tenant, world),
        "no answer" if call.status is None else str(call.status),
    )


def _tenant_name(tenant_id: str, world: World) -> str:
    tenant = world.find_tenant(tenant_id)
    return escape(tenant.name if tenant else tenant_id)


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
