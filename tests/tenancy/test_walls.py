"""Nobody reads or writes another tenant's rows: not by code, not by the database."""

import uuid

import pytest
from django.db import (
    IntegrityError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.utils import DatabaseError
from django.test.utils import CaptureQueriesContext

from convene.clients.models import Client, Contact
from convene.tenancy.db import (
    TenantNotSet,
    current_tenant_id,
    tenant_atomic,
    tenant_rows,
    violated_constraint,
)
from tests.make import make_client, make_contact, make_member, make_tenant
from tests.outage import superuser
from tests.planguard import QueryWithoutTenant

__all__ = ["superuser"]

pytestmark = pytest.mark.usefixtures("db")


def test_rows_are_read_only_inside_a_block_of_their_tenant():
    with pytest.raises(TenantNotSet):
        Client.objects.count()


def test_a_block_sees_the_rows_of_its_tenant_only():
    ours, theirs = make_tenant(), make_tenant()
    client = make_client(ours)
    make_client(theirs)

    with tenant_atomic(ours):
        assert list(Client.objects.all()) == [client]


def test_the_database_refuses_a_query_without_a_tenant_set():
    make_client(make_tenant())

    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM clients")


def test_the_database_hides_other_tenants_even_from_raw_sql():
    ours, theirs = make_tenant(), make_tenant()
    make_client(theirs)

    with tenant_atomic(ours), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM clients")
        assert cursor.fetchone() == (0,)


def test_the_database_refuses_a_row_for_another_tenant():
    ours, theirs = make_tenant(), make_tenant()

    with pytest.raises(ProgrammingError), tenant_atomic(ours):
        Client.objects.create(tenant=theirs, name="Smuggled")


def test_a_query_of_our_own_is_asked_inside_a_block_and_says_its_tenant():
    ours = make_tenant()
    client = make_client(ours)
    names = 'SELECT name FROM "clients"'

    with pytest.raises(TenantNotSet):
        tenant_rows(f"{names} WHERE tenant_id = %(tenant)s")
    with tenant_atomic(ours):
        assert tenant_rows(f"{names} WHERE tenant_id = %(tenant)s") == [(client.name,)]
        with pytest.raises(QueryWithoutTenant):
            tenant_rows(names)


def test_a_query_of_our_own_says_the_tenant_of_each_table_that_it_joins():
    client = make_client(make_tenant())
    joined = """
        SELECT k.id FROM "clients" c JOIN "contacts" k ON k.client_id = c.id
        WHERE c.tenant_id = %(tenant)s
    """

    with tenant_atomic(client.tenant):
        with pytest.raises(QueryWithoutTenant):
            tenant_rows(joined)
        assert tenant_rows(f"{joined} AND k.tenant_id = %(tenant)s") == []


def test_a_row_cannot_point_to_a_row_of_another_tenant():
    ours, theirs = make_tenant(), make_tenant()
    client = make_client(theirs)

    with pytest.raises(IntegrityError) as refused, tenant_atomic(ours):
        Contact.objects.create(tenant=ours, client_id=client.id, name="X", email="x@x.example")

    assert violated_constraint(refused.value).startswith("contacts_client_id")


def test_a_member_of_another_tenant_cannot_be_a_contacts_sign_in():
    ours, theirs = make_tenant(), make_tenant()
    contact, stranger = make_contact(make_client(ours)), make_member(theirs)

    with pytest.raises(IntegrityError), tenant_atomic(ours):
        Contact.objects.filter(id=contact.id).update(membership_id=stranger.id)


def test_the_setting_ends_with_the_block():
    with tenant_atomic(make_tenant()):
        pass

    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM clients")


def test_a_block_is_never_opened_inside_another_transaction():
    tenant, another = make_tenant(), make_tenant()

    with pytest.raises(RuntimeError), transaction.atomic(), tenant_atomic(tenant):
        pass
    with tenant_atomic(tenant):
        with pytest.raises(RuntimeError), tenant_atomic(another):
            pass
        assert current_tenant_id() == tenant.id
    assert current_tenant_id() is None


def test_a_block_begins_and_names_its_tenant_in_one_message():
    tenant = make_tenant()

    with CaptureQueriesContext(connection) as sent, tenant_atomic(tenant):
        pass

    begin = f"BEGIN; SET LOCAL convene.tenant_id = '{tenant.id}'"
    assert [message["sql"] for message in sent.captured_queries] == [begin, "COMMIT"]


def test_a_transaction_outside_of_a_block_names_no_tenant():
    with CaptureQueriesContext(connection) as sent, transaction.atomic():
        pass

    assert [message["sql"] for message in sent.captured_queries] == ["BEGIN", "COMMIT"]


def test_after_a_lost_connection_the_next_block_has_another(superuser):
    tenant = make_tenant()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", cursor.fetchone())

    with pytest.raises(OperationalError), tenant_atomic(tenant):
        pass

    with tenant_atomic(tenant):
        assert Client.objects.count() == 0


def test_updates_over_a_join_keep_the_tenant():
    ours = make_tenant()
    make_contact(make_client(ours, name="Old"))

    with tenant_atomic(ours):
        changed = Contact.objects.filter(client__name="Old").update(name="New")
        deleted, _ = Contact.objects.filter(client__name="Old").delete()

    assert (changed, deleted) == (1, 1)


def test_the_guard_of_these_tests_notices_a_query_without_a_tenant():
    with (
        pytest.raises(QueryWithoutTenant),
        tenant_atomic(make_tenant()),
        connection.cursor() as cursor,
    ):
        cursor.execute('SELECT * FROM "clients" WHERE id = %s', [uuid.uuid4()])
