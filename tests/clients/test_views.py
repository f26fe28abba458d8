"""Clients and contacts: what is saved, and what saving means for the portal."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client as Browser

from convene.clients.actions import Refused, invite_contact
from convene.clients.models import Client, Contact
from convene.tenancy.db import tenant_atomic
from tests.make import make_client, make_contact, make_member, make_portal_contact, make_tenant

pytestmark = pytest.mark.usefixtures("db")


def test_a_client_and_a_contact_are_made_and_changed():
    dana = make_member(make_tenant(slug="northwind"))
    browser = Browser()
    browser.force_login(dana.user)

    page = browser.post("/t/northwind/clients/new/", {"name": "Analytical Engines", "active": "on"})
    url = page.headers["Location"]
    contact = {"name": "Ada", "email": "ada@engines.example", "phone": "", "timezone": ""}
    browser.post(f"{url}contacts/new/", contact)

    assert "ada@engines.example" in browser.get(url).content.decode()
    again = browser.post(f"{url}contacts/new/", contact | {"email": "ADA@engines.example"})
    assert again.status_code == 422
    assert "has a contact with this address already" in again.content.decode()


def test_of_two_who_save_the_same_name_at_once_one_reads_why_not():
    dana = make_member(make_tenant())

    def save(_: int) -> int:
        browser = Browser()
        browser.force_login(dana.user)
        try:
            url = f"/t/{dana.tenant.slug}/clients/new/"
            return browser.post(url, {"name": "Same name", "active": "on"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(save, range(8)))

    assert answers == [303] + [422] * 7
    with tenant_atomic(dana.tenant):
        assert Client.objects.count() == 1


def test_a_new_address_is_a_new_person_who_must_be_invited():
    contact = make_portal_contact(make_tenant())
    browser = Browser()
    browser.force_login(make_member(contact.tenant).user)
    url = f"/t/{contact.tenant.slug}/clients/{contact.client_id}/contacts/{contact.id}/"

    browser.post(url, {"name": "Successor", "email": "successor@client.example"})

    with tenant_atomic(contact.tenant):
        assert Contact.objects.get(id=contact.id).membership_id is None


def test_a_new_name_keeps_the_way_into_the_portal():
    contact = make_portal_contact(make_tenant())
    browser = Browser()
    browser.force_login(make_member(contact.tenant).user)
    url = f"/t/{contact.tenant.slug}/clients/{contact.client_id}/contacts/{contact.id}/"

    browser.post(url, {"name": "New name", "email": contact.email})

    with tenant_atomic(contact.tenant):
        assert Contact.objects.get(id=contact.id).membership_id == contact.membership_id


def test_one_address_signs_in_as_one_contact():
    tenant = make_tenant()
    dana = make_member(tenant)
    first = make_contact(make_client(tenant), email="ada@engines.example")
    second = make_contact(make_client(tenant), email="ada@engines.example")
    invite_contact(tenant, first.id, by=dana)
    invite_contact(tenant, first.id, by=dana)  # again, if the mail was lost

    with pytest.raises(Refused, match="signs in as another contact already"):
        invite_contact(tenant, second.id, by=dana)
