"""The Graph simulator over HTTP. Imports of models wait until Django is set up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from convene_teams import tokens, transport
from graphsim import Simulator, start

if TYPE_CHECKING:
    from convene.meetings.provider import MeetingSpec
    from convene_teams.provider import TeamsProvider


@pytest.fixture(scope="session")
def _running() -> Iterator[Simulator]:
    with start() as simulator:
        yield simulator
        transport.close()


@pytest.fixture
def sim(_running: Simulator, monkeypatch: pytest.MonkeyPatch, db: None) -> Simulator:
    """Microsoft on its first day: two organisations with everything done right."""
    _running.reset()
    monkeypatch.setenv("CONVENE_GRAPH_URL", _running.url)
    monkeypatch.setenv("CONVENE_LOGIN_URL", _running.url)
    tokens.forget_all_tokens()
    return _running


@pytest.fixture
def provider() -> "TeamsProvider":
    from convene_teams.provider import TeamsProvider

    return TeamsProvider()


@pytest.fixture
def spec() -> "MeetingSpec":
    from convene.meetings.provider import MeetingSpec
    from tests.make import a_time

    return MeetingSpec("Consultation: Müller & Söhne", a_time(7, 10), a_time(7, 11))
