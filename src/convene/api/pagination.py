"""Lists in pages that repeat no row, and miss none that was there from the start.

What is added meanwhile may be missed: rows are committed in another order than they are dated in.
"""

from typing import Any, TypeVar

from django.core import signing
from django.db import models
from django.db.models import Q
from django.db.models.query import QuerySet
from django.utils.translation import gettext as _

from .problems import FieldError, invalid

Row = TypeVar("Row", bound=models.Model)

LONGEST_PAGE = 100


def page_of(
    rows: QuerySet[Row], by: str, *, cursor: str | None, limit: int
) -> tuple[list[Row], str | None]:
    """A page in the order of ``by`` and the id, and where the next one begins, if there is one.

    ``by`` must not change while somebody turns pages. Raises Problem for a cursor that is not ours.
    """
    name = f"api:{rows.model._meta.label}:{by}"
    if cursor:
        last, last_id = _opened(cursor, name)
        rows = rows.filter(Q(**{f"{by}__gt": last}) | Q(**{by: last, "id__gt": last_id}))
    found = list(rows.order_by(by, "id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    *found, _one_more = found
    return found, signing.dumps([_value(found[-1], by), str(found[-1].pk)], salt=name)


def _value(row: models.Model, by: str) -> Any:
    value: Any = row
    for part in by.split("__"):
        value = getattr(value, part)
    return value if isinstance(value, str) else value.isoformat()


def _opened(cursor: str, name: str) -> tuple[str, str]:
    try:
        last, last_id = signing.loads(cursor, salt=name)
    except signing.BadSignature:
        raise invalid([FieldError("cursor", _("This is no cursor of this list."))]) from None
    return last, last_id
