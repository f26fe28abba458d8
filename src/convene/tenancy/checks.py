"""House rules of tenant-owned tables, as system checks: a broken rule stops the start.

The same rules let the schema be distributed by tenant later: whatever a cluster would refuse is an
error on plain PostgreSQL already.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.contrib.postgres.constraints import ExclusionConstraint
from django.core import checks
from django.db import models

from .fields import TenantForeignKey
from .models import Membership
from .pg.base import is_tenant_owned

MAX_NAME = 50  # on a cluster's shards names carry a number and must still fit into 63 bytes
MAX_TABLE_NAME = 44


@checks.register("tenancy")
def check_tenant_models(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """One error for each broken rule of each installed model."""
    return check_models(apps.get_models(include_auto_created=True))


def check_models(candidates: Iterable[Any]) -> list[checks.CheckMessage]:
    """One error for each broken rule of these models."""
    found: list[checks.CheckMessage] = []
    for model in candidates:
        found += _check_relations(model)
        if is_tenant_owned(model):
            found += _check_table(model)
            found += _check_constraints(model)
    return found


def _error(number: int, message: str, obj: Any, hint: str | None = None) -> checks.Error:
    return checks.Error(message, obj=obj, hint=hint, id=f"tenancy.E{number:03}")


def _is_of_a_tenant(model: Any) -> bool:
    """Whether rows must be pointed to with their tenant."""
    return model is Membership or (isinstance(model, type) and is_tenant_owned(model))


def _check_relations(model: Any) -> Iterator[checks.CheckMessage]:
    owned = is_tenant_owned(model)
    for field in (*model._meta.local_fields, *model._meta.local_many_to_many):
        relation: Any = field.remote_field
        far = relation.model if relation else None
        if isinstance(field, models.ManyToManyField):
            if owned and relation.through._meta.auto_created:
                yield _error(3, "many-to-many needs an explicit tenant-owned through model", field)
        elif far is not None and _is_of_a_tenant(far):
            if not owned:
                yield _error(1, "a table without tenant points to rows of a tenant", field)
            elif not isinstance(field, TenantForeignKey):
                yield _error(2, "a plain foreign key ignores the tenant", field, "TenantForeignKey")
        if owned and field.unique and not field.primary_key:
            yield _error(4, "unique without tenant", field, "UniqueConstraint(['tenant', ...])")


def _check_table(model: Any) -> Iterator[checks.CheckMessage]:
    if not isinstance(model._meta.pk, models.UUIDField):
        yield _error(5, "a tenant-owned model needs a UUID primary key", model)
    if model._meta.unique_together:
        yield _error(6, "unique_together hides the tenant", model, "UniqueConstraint")
    if len(model._meta.db_table) > MAX_TABLE_NAME:
        yield _error(7, f"the table's name is longer than {MAX_TABLE_NAME}", model)
    if model._base_manager.name != "objects":
        yield _error(8, "the base manager must be the tenant's manager", model)


def _constraint_columns(constraint: Any) -> set[str]:
    expressions: tuple[Any, ...]
    if isinstance(constraint, models.UniqueConstraint):
        expressions = tuple(constraint.expressions)
    elif isinstance(constraint, ExclusionConstraint):
        expressions = tuple(expression for expression, _operator in constraint.expressions)
    else:
        return {"tenant"}
    named = {e if isinstance(e, str) else getattr(e, "name", "") for e in expressions}
    return named | set(getattr(constraint, "fields", ()))


def _check_constraints(model: Any) -> Iterator[checks.CheckMessage]:
    for constraint in model._meta.constraints:
        if not _constraint_columns(constraint) & {"tenant", "tenant_id"}:
            yield _error(9, f"{constraint.name}: must contain the tenant", model)
        if getattr(constraint, "deferrable", None):
            yield _error(10, f"{constraint.name}: must not be deferrable", model)
    for item in (*model._meta.constraints, *model._meta.indexes):
        if len(item.name) > MAX_NAME:
            yield _error(11, f"{item.name}: longer than {MAX_NAME} characters", model)
