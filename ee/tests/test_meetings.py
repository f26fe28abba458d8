"""A meeting's life: made, moved and removed, by the profile and the organizer that made it."""

from dataclasses import replace
from datetime import UTC, timedelta

from convene.meetings.provider import MeetingSpec
from convene_teams.provider import TeamsProvider
from ee.tests.make_teams import make_teams_tenant
from graphsim import Simulator
from graphsim.defaults import NORTHWIND


def test_a_meeting_is_made_moved_and_removed(
    sim: Simulator, provider: TeamsProvider, spec: MeetingSpec
) -> None:
    tenant = make_teams_tenant()
    later = replace(spec, starts_at=spec.starts_at + timedelta(hours=3), ends_at=spec.ends_at)
    later = replace(later, ends_at=spec.ends_at + timedelta(hours=3))

    created = provider.create(tenant, spec)
    provider.update(tenant, created.ref, later)
    state = provider.look(tenant, created.ref)
    [meeting] = sim.meetings()
    provider.delete(tenant, created.ref)

    assert meeting.organizer_id == NORTHWIND.organizer_id
    assert (meeting.subject, meeting.join_web_url) == (spec.subject, created.join_url)
    assert state is not None
    assert (state.starts_at, state.ends_at) == (later.starts_at, later.ends_at)
    assert state.starts_at.tzinfo is UTC
    assert sim.meetings() == []
