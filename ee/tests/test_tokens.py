"""Tokens: kept while they are good, dropped when they are not, and never another tenant's."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
from django.db import connection

from convene.meetings.provider import MeetingError, MeetingSpec
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant
from convene.tenancy.permissions import Role
from convene_teams.actions import save_profile
from convene_teams.clouds import hosts_of
from convene_teams.models import MicrosoftProfile
from convene_teams.provider import TeamsProvider
from convene_teams.tokens import App, Token, keep_token, kept_token
from ee.tests.make_teams import make_teams_tenant
from graphsim import Simulator
from graphsim.defaults import FABRIKAM, NORTHWIND, Organisation
from tests.make import make_member

APP = App(hosts_of("global"), NORTHWIND.tenant_id, NORTHWIND.client_id, "secret")


@pytest.fixture
def tenant(sim: Simulator) -> Tenant:
    return make_teams_tenant()


def test_a_token_is_used_again(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    provider.create(tenant, spec)
    provider.create(tenant, spec)

    assert len(sim.calls("token")) == 1


def test_a_token_refused_once_is_replaced_and_the_call_made_again(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    provider.create(tenant, spec)
    sim.fault("create", refuse="token")

    provider.create(tenant, spec)

    assert [call.status for call in sim.calls("create")] == [201, 401, 201]
    assert len(sim.calls("token")) == 2
    assert len(sim.meetings()) == 2


def test_a_token_refused_twice_is_a_problem(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", refuse="token", times=2)

    with pytest.raises(MeetingError) as caught:
        provider.create(tenant, spec)

    assert (caught.value.code, caught.value.unknown_outcome) == ("token_rejected", False)
    assert len(sim.calls("create")) == 2


def test_a_token_that_ends_within_five_minutes_is_not_kept(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.world.behave(replace(sim.world.behaviour, token_lifetime=299))

    provider.create(tenant, spec)
    provider.create(tenant, spec)

    assert len(sim.calls("token")) == 2


@pytest.mark.parametrize("lifetime", [None, "3599", -1, 0])
def test_a_token_without_a_lifetime_is_used_once(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec, lifetime: object
) -> None:
    sim.fault("token", replace={"expires_in": lifetime})

    provider.create(tenant, spec)
    provider.create(tenant, spec)

    assert len(sim.calls("token")) == 2


def test_a_new_secret_means_a_new_token(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    provider.create(tenant, spec)
    sim.world.set_secret(NORTHWIND.tenant_id, NORTHWIND.client_id, "rotated")
    with tenant_atomic(tenant):
        profile = MicrosoftProfile.objects.get()
    save_profile(tenant, profile, secret="rotated", by=make_member(tenant, role=Role.ADMIN))

    provider.create(tenant, spec)

    assert len(sim.calls("token")) == 2


def test_saving_a_profile_drops_its_token(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    provider.create(tenant, spec)
    with tenant_atomic(tenant):
        profile = MicrosoftProfile.objects.get()
    save_profile(tenant, profile, by=make_member(tenant, role=Role.ADMIN))

    provider.create(tenant, spec)

    assert len(sim.calls("token")) == 2


@pytest.mark.parametrize(
    "other",
    [
        replace(APP, secret="other"),
        replace(APP, tenant_id=FABRIKAM.tenant_id),
        replace(APP, client_id=FABRIKAM.client_id),
        replace(APP, hosts=hosts_of("dod")),
    ],
    ids=["secret", "tenant", "client", "cloud"],
)
def test_a_token_belongs_to_one_app_and_one_secret(other: App) -> None:
    keep_token(APP, Token.of("a token"), 3600)

    assert kept_token(APP) == Token.of("a token")
    assert kept_token(other) is None


def test_secrets_and_tokens_are_not_in_what_is_printed() -> None:
    assert "secret" not in repr(APP)
    assert "a token" not in repr(Token.of("a token"))


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "a.bnVsbA.c", "a.eyJ.c", "..", "a.ÄÖ.c"])
def test_a_token_that_hides_its_permissions_is_still_a_token(text: str) -> None:
    assert Token.of(text).roles is None


def test_a_token_we_cannot_read_leaves_the_reason_to_graphs_words(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    codes = []
    for message in ("No application access policy found for this app", ""):
        sim.fault("token", replace={"access_token": "opaque"})
        sim.fault("create", status=403, message=message)
        with pytest.raises(MeetingError) as caught:
            provider.create(tenant, spec)
        codes.append(caught.value.code)

    assert codes == ["policy_missing", "permission_missing"]


def test_two_tenants_at_once_only_ever_carry_their_own_token(
    sim: Simulator, spec: MeetingSpec
) -> None:
    tenants = {
        NORTHWIND: make_teams_tenant(NORTHWIND),
        FABRIKAM: make_teams_tenant(FABRIKAM),
    }
    together = threading.Barrier(8)

    def live(organisation: Organisation) -> None:
        provider, tenant = TeamsProvider(), tenants[organisation]
        together.wait()
        for _ in range(5):
            created = provider.create(tenant, replace(spec, subject=organisation.name))
            provider.update(tenant, created.ref, spec)
            provider.delete(tenant, created.ref)

    in_threads([partial(live, each) for each in [*tenants] * 4])

    by_id = {each.organizer_id: each for each in tenants}
    graph_calls = [call for call in sim.calls() if call.route != "token"]
    assert len(graph_calls) == 8 * 5 * 3
    for call in graph_calls:
        organisation = by_id[call.path.split("/")[3]]
        assert (call.tenant, call.client_id) == (organisation.tenant_id, organisation.client_id)
        assert call.status in (200, 201, 204)
    for call in sim.calls("token"):
        assert (call.tenant, call.client_id) in {(o.tenant_id, o.client_id) for o in tenants}
    for call in sim.calls("create"):
        assert isinstance(call.body, dict)
        assert call.body["subject"] == by_id[call.path.split("/")[3]].name


def in_threads(work: list[Callable[[], None]]) -> None:
    """Do it all at the same time, each with a database connection of its own."""

    def run(task: Callable[[], None]) -> None:
        try:
            task()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as threads:
        list(threads.map(run, work))
