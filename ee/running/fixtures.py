"""The product and an office in it, as fixtures. Imports of models wait until Django is set up.

`pytest ee/browser` and `pytest ee/running` are two runs: in one they would be two products on the
same database, and send each other's mails.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from ee.running.product import Product, running_product

if TYPE_CHECKING:
    from ee.running.office import Office


@pytest.fixture(scope="session")
def product(
    database: str, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    from django.db import connection

    with (
        django_db_blocker.unblock(),
        running_product(tmp_path_factory.mktemp("logs"), database) as product,
    ):
        yield product
        connection.close()


@pytest.fixture
def office(product: Product) -> "Iterator[Office]":
    """An MSP of the test's own, and a calm world: no meetings, no faults, mail that is quick."""
    from ee.running.office import Office

    product.simulator.reset()
    product.mails.quick_again()
    yield Office(product)
    assert '"level": "error"' not in product.said()
