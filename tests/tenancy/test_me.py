"""A member's own page."""

import pytest
from django.test import Client as Browser

from convene.tenancy.permissions import Role
from tests.make import make_member, make_tenant

pytestmark = pytest.mark.usefixtures("db")


@pytest.mark.parametrize(
    ("role", "address"), [(Role.DISPATCHER, "/t/{}/me/"), (Role.CLIENT, "/portal/{}/me/")]
)
def test_no_zone_of_ones_own_names_the_one_of_the_company(role, address):
    tenant = make_tenant(name="Northwind IT", timezone="Europe/Berlin")
    browser = Browser()
    browser.force_login(make_member(tenant, role=role).user)

    page = browser.get(address.format(tenant.slug)).content.decode()

    assert '<option value="">Europe/Berlin, as Northwind IT</option>' in page
