from collections.abc import Iterator

import pytest

from graphsim import Simulator, start
from graphsim.defaults import FABRIKAM, NORTHWIND
from graphsim_client import Client


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with start() as running:
        yield running


@pytest.fixture
def northwind(sim: Simulator) -> Iterator[Client]:
    with Client(sim, NORTHWIND) as client:
        yield client


@pytest.fixture
def fabrikam(sim: Simulator) -> Iterator[Client]:
    with Client(sim, FABRIKAM) as client:
        yield client
