"""Every scan of a tenant-owned table must be limited to one tenant by the query itself.

The planner is asked, not the text of the query. The policy's own condition does not count: it
compares with a setting, not with a value, and it is the second wall, not the first.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.db import connections

from convene.tenancy.pg.base import is_tenant_owned

_EXPLAINABLE = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_ONE_TENANT = re.compile(r"tenant_id = (ANY \()?'")


class QueryWithoutTenant(AssertionError):
    """A query reads or writes rows of a tenant without saying of which."""


class PlanGuard:
    """A wrapper for ``connection.execute_wrapper``."""

    def __init__(self) -> None:
        models = [model for model in apps.get_models() if is_tenant_owned(model)]
        self.tables = {model._meta.db_table for model in models}

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        names_a_table = any(f'"{table}"' in sql for table in self.tables)
        if names_a_table and not many and _EXPLAINABLE.match(sql):
            for table, condition in self.unlimited(self.plan(sql, params, context)):
                raise QueryWithoutTenant(f"{table} ({condition or 'no condition'}): {sql}")
        return execute(sql, params, many, context)

    def plan(self, sql: str, params: Any, context: Any) -> dict[str, Any]:
        """The planner's answer to the owner, whom no policy limits; no count of queries sees it.

        To the app's role the planner may say more than the query does: with a policy on both sides
        of a join it concludes from the tenant of one table that the other has the same.
        """
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            plan = cursor.fetchone()[0]
        found: dict[str, Any] = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
        return found

    def unlimited(self, plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """The scans that are not limited to one tenant."""
        table = plan.get("Relation Name")
        if table in self.tables and plan["Node Type"] != "ModifyTable":
            kinds = ("Index Cond", "Recheck Cond", "Filter")
            children = [str(child.get("Index Cond", "")) for child in plan.get("Plans", ())]
            condition = " ".join([str(plan.get(kind, "")) for kind in kinds] + children).strip()
            if not _ONE_TENANT.search(condition):
                yield table, condition
        for child in plan.get("Plans", ()):
            yield from self.unlimited(child)
