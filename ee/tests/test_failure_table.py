"""What happens when Graph fails, for each operation and each fault: docs/failure-table.md.

The table is made by running every case. `make failure-table` writes it; this test fails when what
is written there is no longer what happens.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from convene.appointments import actions
from convene.appointments.actions import Outcome
from convene.appointments.models import AppointmentRequest, MeetingSync
from convene.events.models import Event
from convene.meetings.fake import registered
from convene.meetings.registry import explain
from convene.tenancy.db import tenant_atomic
from convene_teams import tokens
from convene_teams.provider import TeamsProvider
from ee.tests.make_teams import make_teams_tenant
from graphsim import Simulator
from graphsim.defaults import NORTHWIND, READ_WRITE_MEETINGS
from tests.make import make_member, make_request

TABLE = Path(__file__).parents[2] / "docs" / "failure-table.md"

POLICY = "No application access policy found for this app"
FAULTS: dict[str, dict[str, Any]] = {
    "403, no access policy": {"refuse": "policy"},
    "404 UnknownError, organizer unknown": {"refuse": "user"},
    "404 NotFound, meeting unknown": {
        "status": 404,
        "code": "NotFound",
        "message": "3004: Specified meeting is not found",
    },
    "401 once": {"refuse": "token"},
    "401, more claims wanted": {"refuse": "claims"},
    "401 again and again": {"refuse": "token", "times": -1},
    "400": {"status": 400, "code": "BadRequest", "message": "An error has occurred."},
    "429, Retry-After 30": {"status": 429, "code": "TooManyRequests", "retry_after": 30},
    "500": {"status": 500, "code": "InternalServerError"},
    "503 as a web page": {"status": 503, "body": "html"},
    "503, empty": {"status": 503, "body": "empty"},
    "200 with garbage": {"body": "garbage"},
    "an answer without an id": {"without": ("id",)},
    "an answer without a join link": {"without": ("joinWebUrl",)},
    "an answer with an http link": {"replace": {"joinWebUrl": "http://teams.example/x"}},
    "connection reset before the write": {"reset": True},
    "connection reset after the write": {"reset": True, "when": "after"},
}
SLOW: dict[str, dict[str, Any]] = {
    "no answer in time, not carried out": {"delay_ms": 1500, "reset": True},
    "no answer in time, carried out": {"delay_ms": 1500, "when": "after"},
}
# Answers that only a create has.
OF_A_CREATE = {
    "an answer without an id",
    "an answer without a join link",
    "an answer with an http link",
}


class Case:
    """An appointment on the way through one operation."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.tenant = make_teams_tenant()
        self.dana = make_member(self.tenant)
        self.request = make_request(self.tenant)
        if operation != "create":
            self.approve()

    def approve(self) -> Outcome:
        return actions.approve_appointment_request(
            self.tenant,
            self.request.id,
            by=self.dana,
            technician=self.dana,
            starts_at=self.request.requested_start,
            with_meeting=True,
        )

    def act(self) -> Outcome:
        """What the person does."""
        if self.operation == "create":
            return self.approve()
        if self.operation == "update":
            later = self.request.requested_start + timedelta(days=1)
            return actions.update_appointment_request_date_time(
                self.tenant, self.request.id, by=self.dana, starts_at=later
            )
        return actions.cancel_appointment_request(self.tenant, self.request.id, by=self.dana)


@dataclass(frozen=True)
class Row:
    fault: str
    stands: str
    warning: str
    columns: str
    log: str
    problem: str
    next_step: str
    graph: str


HEADINGS = (
    "Graph answers",
    "The person's action",
    "Warning",
    "Meeting columns",
    "Log",
    "Problem kept",
    "Next step",
    "Graph holds",
)


def rows(sim: Simulator, operation: str) -> Iterator[Row]:
    """Run every fault of one operation."""
    for name, fault in FAULTS.items():
        if operation == "create" or name not in OF_A_CREATE:
            yield row(sim, operation, name, partial(sim.fault, operation, **fault))
    with registered(TeamsProvider(seconds=0.4)):
        for name, fault in SLOW.items():
            yield row(sim, operation, name, partial(sim.fault, operation, **fault))
    for name, change in CHANGES.items():
        yield row(sim, operation, name, partial(change, sim))


def _withdraw_permission(sim: Simulator) -> None:
    sim.world.remove_role(NORTHWIND.tenant_id, NORTHWIND.client_id, READ_WRITE_MEETINGS)
    tokens.forget_all_tokens()


def _expire_secret(sim: Simulator) -> None:
    sim.world.expire_secrets(NORTHWIND.tenant_id, NORTHWIND.client_id)
    tokens.forget_all_tokens()


def _replace_secret(sim: Simulator) -> None:
    sim.world.set_secret(NORTHWIND.tenant_id, NORTHWIND.client_id, "another one")
    tokens.forget_all_tokens()


def _break_sign_in(sim: Simulator) -> None:
    tokens.forget_all_tokens()
    sim.fault("token", times=-1, status=503, body="html")


def _lose_tenant(sim: Simulator) -> None:
    """While we still have a token."""
    sim.world.remove_tenant(NORTHWIND.tenant_id)


CHANGES: dict[str, Callable[[Simulator], None]] = {
    "permission withdrawn": _withdraw_permission,
    "sign-in: secret expired": _expire_secret,
    "sign-in: secret replaced": _replace_secret,
    "sign-in: 503": _break_sign_in,
    "sign-in: tenant lost": _lose_tenant,
}


def row(sim: Simulator, operation: str, name: str, break_it: Callable[[], object]) -> Row:
    sim.reset()
    case = Case(operation)
    break_it()
    with capture_logs() as lines:
        outcome = case.act()
    sim.clear_faults()
    calls = [line for line in lines if line["event"] == "teams.call"]
    with tenant_atomic(case.tenant):
        appointment = AppointmentRequest.objects.get()
        meeting = MeetingSync.objects.get()
        may_remain = Event.objects.filter(kind="ONLINE_MEETING_MAY_REMAIN").exists()
    wanted = {"create": "approved", "update": "approved", "delete": "cancelled"}[operation]
    return Row(
        fault=name,
        stands="stands" if appointment.status == wanted else f"LOST ({appointment.status})",
        warning=outcome.warning or "none",
        columns=columns_of(appointment),
        log=", ".join(
            f"{line['log_level']} {line['operation']} {line['code']}".strip() for line in calls
        ),
        problem=problem_of(meeting) + ("; a meeting may remain" if may_remain else ""),
        next_step=explain(meeting.problem, "teams").next_step if meeting.problem else "–",
        graph=f"{len(sim.meetings())}",
    )


def columns_of(appointment: AppointmentRequest) -> str:
    filled = [
        name
        for name in ("provider", "url", "id")
        if getattr(appointment, f"online_meeting_{name}") is not None
    ]
    return ", ".join(filled) or "empty"


def problem_of(meeting: MeetingSync) -> str:
    if not meeting.problem:
        return "–"
    status = f" (HTTP {meeting.problem_status})" if meeting.problem_status else ""
    return f"{meeting.problem}{status}{wait_of(meeting)}"


def wait_of(meeting: MeetingSync) -> str:
    if not (meeting.problem_at and meeting.problem_wait_until):
        return ""
    wait = meeting.problem_wait_until - meeting.problem_at
    return f"; asks to wait {wait.total_seconds():.0f} s"


OPERATIONS = {
    "create": "Approving with a meeting (create)",
    "update": "Moving (update)",
    "delete": "Cancelling (delete)",
}


def document(found: dict[str, list[Row]]) -> str:
    """The whole document."""
    parts = [
        "# What happens when Graph fails",
        "",
        "Made by running each case against the simulator (`make failure-table`); a test keeps it"
        " true.",
    ]
    for operation, title in OPERATIONS.items():
        parts += ["", f"## {title}", "", f"| {' | '.join(HEADINGS)} |"]
        parts.append("| " + " | ".join("---" for _ in HEADINGS) + " |")
        parts += [f"| {' | '.join(vars(line).values())} |" for line in found[operation]]
    return "\n".join(parts) + "\n"


def test_no_failure_undoes_what_a_person_did_and_the_table_says_what_happens(
    sim: Simulator,
) -> None:
    found = {operation: list(rows(sim, operation)) for operation in OPERATIONS}

    for line in (line for lines in found.values() for line in lines):
        assert line.stands == "stands", line
        assert (line.problem == "–") == (line.warning == "none"), line
    if os.environ.get("CONVENE_WRITE_FAILURE_TABLE"):
        TABLE.write_text(document(found))
    assert TABLE.read_text() == document(found), (
        "docs/failure-table.md is stale: make failure-table"
    )
