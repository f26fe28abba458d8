"""The house rules of tenant-owned tables: all models keep them, and breaking one is noticed."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import connection, models
from django.test.utils import isolate_apps

from convene.clients.models import Client
from convene.tenancy.checks import check_models, check_tenant_models
from convene.tenancy.models import Membership, TenantForeignKey, TenantModel
from convene.tenancy.pg.base import is_tenant_owned

GLOBAL = {
    "tenants",
    "users",
    "memberships",
    "account_mails",
    "cache_entries",
}


def our_models() -> list[type[models.Model]]:
    return [m for m in apps.get_models() if m.__module__.startswith("convene")]


def test_every_table_of_ours_belongs_to_a_tenant_or_is_named_here():
    others = {m._meta.db_table for m in our_models() if not is_tenant_owned(m)}

    assert others == GLOBAL


def test_all_models_keep_the_rules():
    assert check_tenant_models(None) == []


@pytest.mark.usefixtures("db")
def test_every_tenant_owned_table_has_its_wall_in_the_database():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid"
            " WHERE relrowsecurity AND polname = 'tenant_isolation'"
        )
        walled = {name for (name,) in cursor.fetchall()}

    assert walled == {m._meta.db_table for m in our_models() if is_tenant_owned(m)}


@pytest.mark.usefixtures("db")
def test_every_foreign_key_between_tenant_owned_tables_carries_the_tenant():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid), condeferrable"
            " FROM pg_constraint WHERE contype = 'f'"
        )
        keys = cursor.fetchall()
    owned = {m._meta.db_table for m in our_models() if is_tenant_owned(m)} | {"memberships"}

    inside = [row for row in keys if row[0] in owned - {"memberships"}]
    assert inside
    for table, definition, deferrable in inside:
        target = definition.split("REFERENCES ")[1].split("(")[0]
        assert not deferrable, table
        if target in owned:
            assert "(tenant_id, id)" in definition, (table, definition)


def broken(**attributes: Any) -> list[str]:
    """The ids of the rules that a tenant-owned model with these attributes breaks."""
    body = {"__module__": "convene.clients.models", **attributes}
    meta = body.setdefault("Meta", type("Meta", (), {}))
    meta.app_label = "clients"
    meta.base_manager_name = getattr(meta, "base_manager_name", "objects")
    with isolate_apps("convene.clients"):
        model = type("Broken", (TenantModel,), body)
        return [str(error.id) for error in check_models([model])]


def meta(**options: object) -> type:
    return type("Meta", (), options)


@pytest.mark.parametrize(
    ("rule", "attributes"),
    [
        ("tenancy.E002", {"other": models.ForeignKey(Client, models.CASCADE)}),
        ("tenancy.E002", {"other": models.ForeignKey(Membership, models.CASCADE)}),
        ("tenancy.E004", {"code": models.CharField(max_length=9, unique=True)}),
        ("tenancy.E005", {"id": models.BigAutoField(primary_key=True)}),
        ("tenancy.E006", {"a": models.IntegerField(), "Meta": meta(unique_together=[["a"]])}),
        ("tenancy.E007", {"Meta": meta(db_table="t" * 45)}),
        (
            "tenancy.E009",
            {
                "a": models.IntegerField(),
                "Meta": meta(constraints=[models.UniqueConstraint(fields=["a"], name="u")]),
            },
        ),
        (
            "tenancy.E009",
            {
                "a": models.IntegerField(),
                "Meta": meta(constraints=[ExclusionConstraint(name="x", expressions=[("a", "=")])]),
            },
        ),
        (
            "tenancy.E010",
            {
                "Meta": meta(
                    constraints=[
                        models.UniqueConstraint(
                            fields=["tenant"], name="u", deferrable=models.Deferrable.DEFERRED
                        )
                    ]
                )
            },
        ),
        (
            "tenancy.E011",
            {"Meta": meta(indexes=[models.Index(fields=["tenant"], name="i" * 30)])},
        ),
    ],
)
def test_a_broken_rule_is_named(rule, attributes):
    if rule == "tenancy.E011":
        attributes["Meta"].indexes[0].name = "i" * 51

    assert rule in broken(**attributes)


def test_the_plain_shape_breaks_no_rule():
    other = TenantForeignKey(Client, related_name="+")

    assert broken(other=other, code=models.CharField(max_length=9)) == []


def test_django_never_cascades_inside_a_tenant():
    with pytest.raises(ValueError, match="use db_on_delete"):
        TenantForeignKey(Client, models.CASCADE)
