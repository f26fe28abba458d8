"""Two hundred clients want the same time: nobody is double-booked, and everybody is answered."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection

from convene.appointments import actions
from convene.appointments.actions import Refused, Wish
from convene.appointments.models import AppointmentRequest
from convene.clients.models import Contact
from convene.tenancy.db import tenant_atomic
from convene.tenancy.permissions import Role
from tests.availability.make import make_hours
from tests.make import a_time, make_client, make_contact, make_member, make_service, make_tenant

pytestmark = pytest.mark.usefixtures("db")
# Two workers may run this at the same time on a server of 300 connections.
CLIENTS, CONNECTIONS = 200, 100
SENT, SORRY = "Sent", "Sorry, this time is not free any more"


def race(ask: Callable[[Contact], str], contacts: list[Contact]) -> Counter[str]:
    """How often each answer came. An exception that `ask` did not expect is raised here."""

    def on_own_connection(contact: Contact) -> str:
        try:
            return ask(contact)
        finally:
            connection.close()

    # No thread starts before all of them are there.
    everybody = Barrier(CONNECTIONS, timeout=30)
    with ThreadPoolExecutor(CONNECTIONS, initializer=everybody.wait) as clients:
        return Counter(clients.map(on_own_connection, contacts))


@pytest.mark.parametrize("number", [1, 3])
def test_of_200_clients_on_100_connections_as_many_get_the_time_as_there_are_technicians(number):
    tenant = make_tenant(timezone="UTC")
    technicians = [make_member(tenant, role=Role.TECHNICIAN) for _ in range(number)]
    make_hours(*technicians)
    service, at = make_service(tenant, "Visit", *technicians), a_time()
    company = make_client(tenant)
    contacts = [make_contact(company) for _ in range(CLIENTS)]

    def ask(contact: Contact) -> str:
        wish = Wish(submission=uuid4(), service=service, day=at.date(), clock=at.time(), zone="UTC")
        try:
            actions.create_appointment_request(tenant, wish, requester=contact)
        except Refused as refusal:
            sentence, _end, _next_times = str(refusal).partition(".")
            return sentence
        return SENT

    answers = race(ask, contacts)

    assert answers == {SENT: number, SORRY: CLIENTS - number}
    with tenant_atomic(tenant):
        assert AppointmentRequest.objects.filter(requested_start=at).count() == number
