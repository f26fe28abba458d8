"""Model fields of tenant-owned tables."""

import copy
from typing import Any

from django import forms
from django.db import models
from django.db.models.query import QuerySet
from django.db.models.sql.where import WhereNode

from .db import current_tenant_id

DB_ON_DELETE = {"restrict": "", "cascade": " ON DELETE CASCADE"}


class TenantField(models.ForeignKey[Any, Any]):
    """The tenant that a row belongs to: always called ``tenant``, column ``tenant_id``."""

    def __init__(
        self, to: Any = "tenancy.Tenant", on_delete: Any = models.DO_NOTHING, **kwargs: Any
    ):
        kwargs.setdefault("db_index", False)  # it leads the primary key already
        kwargs.setdefault("editable", False)
        kwargs.setdefault("related_name", "+")
        super().__init__(to, on_delete, **kwargs)


class TenantForeignKey(models.ForeignKey[Any, Any]):
    """A foreign key inside one tenant: in the database ``(tenant_id, x_id) -> (tenant_id, id)``.

    Django never cascades; the database does. So no DELETE by id alone is ever sent.
    """

    def __init__(
        self,
        to: Any,
        on_delete: Any = models.DO_NOTHING,
        db_on_delete: str = "restrict",
        **kwargs: Any,
    ):
        if on_delete is not models.DO_NOTHING:
            raise ValueError("TenantForeignKey: use db_on_delete='restrict' or 'cascade'.")
        if db_on_delete not in DB_ON_DELETE:
            raise ValueError(f"TenantForeignKey: unknown db_on_delete {db_on_delete!r}.")
        self.db_on_delete = db_on_delete
        kwargs.setdefault("db_index", False)  # declare Index(fields=["tenant", ...]) where useful
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        kwargs["db_on_delete"] = self.db_on_delete
        return name, path, list(args), dict(kwargs)

    def get_extra_descriptor_filter(self, instance: models.Model) -> dict[str, Any]:
        """``appointment.client`` looks inside the appointment's own tenant."""
        return {"tenant_id": instance.tenant_id}  # type: ignore[attr-defined]  # tenant-owned

    def get_extra_restriction(self, alias: str | None, related_alias: str) -> WhereNode | None:
        """A join compares the tenants of both sides as well."""
        near: Any = self.model._meta.get_field("tenant")
        exact: Any = near.get_lookup("exact")
        condition = WhereNode()
        if alias and related_alias:
            far: Any = self.remote_field.model._meta.get_field("tenant")
            condition.add(exact(near.get_col(related_alias), far.get_col(alias)), "AND")
        elif related_alias and (tenant_id := current_tenant_id()):
            # exclude() over a reverse relation asks without the outer alias
            condition.add(exact(near.get_col(related_alias), tenant_id), "AND")
        else:
            return None
        return condition

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        """A choice of the tenant's rows, looked up when a form is made, not when it is defined."""
        kwargs.setdefault("form_class", TenantModelChoiceField)
        kwargs["queryset"] = QuerySet(self.remote_field.model).none()
        kwargs.setdefault("to_field_name", None)
        return models.Field.formfield(self, **kwargs)


class TenantModelChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]  # any model
    """Offers the rows of the tenant whose block the form is made in."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "TenantModelChoiceField":
        # Django copies a form's fields for each form instance: only then is there a tenant.
        field: TenantModelChoiceField = super().__deepcopy__(memo)
        if self.queryset is not None:
            field.queryset = copy.copy(self.queryset.model._default_manager.all())
        return field
