"""Teams keeps the contract of every meeting provider, against the simulator over HTTP."""

from collections.abc import Callable

import pytest

from convene.meetings.contract import MeetingProviderContract
from convene.tenancy.models import Tenant
from convene_teams.problems import Problem
from convene_teams.provider import TeamsProvider
from ee.tests.make_teams import make_teams_tenant
from graphsim import Simulator
from tests.make import make_tenant


class TestTeamsProvider(MeetingProviderContract):
    codes = tuple(Problem)

    @pytest.fixture
    def provider(self) -> TeamsProvider:
        return TeamsProvider()

    @pytest.fixture
    def tenant(self, sim: Simulator) -> Tenant:
        return make_teams_tenant()

    @pytest.fixture
    def bare_tenant(self, sim: Simulator) -> Tenant:
        return make_tenant()

    @pytest.fixture
    def refuse_next(self, sim: Simulator) -> Callable[[], None]:
        def refuse() -> None:
            for route in ("create", "update"):
                sim.fault(route, status=400)

        return refuse

    @pytest.fixture
    def lose_next_answer(self, sim: Simulator) -> Callable[[], None]:
        def lose() -> None:
            for route in ("create", "delete"):
                sim.fault(route, when="after", reset=True)

        return lose
