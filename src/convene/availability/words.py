"""The reasons against a time, in sentences."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from convene.tenancy.models import Membership
from convene.wallclock import day_label, span_label, zone_label

from .models import Effective
from .slots import Kind, Reason, Slot, Taken, Why


def sentence(reason: Reason, technician: Membership, zone: ZoneInfo) -> str:
    """For a dispatcher who reads times in ``zone``."""
    words = {"who": technician, "what": reason.note}
    if reason.taken:
        words["what"] = _what(reason.taken, zone)
    return _template(reason) % words


def _template(reason: Reason) -> str:
    if reason.why is Why.CONFLICT and reason.taken and reason.taken.kind is Kind.BUSY:
        return _("%(who)s is busy then: %(what)s.")
    if reason.why is Why.EXCEPTION and not reason.note:
        return _("%(who)s is off then.")
    return {
        Why.NOTICE: _("This is sooner than clients can book."),
        Why.HORIZON: _("This is further ahead than clients can book."),
        Why.OUTSIDE_HOURS: _("%(who)s does not work at that time."),
        Why.EXCEPTION: _("%(who)s is off then: %(what)s."),
        Why.CONFLICT: _("%(who)s has an appointment then: %(what)s."),
        Why.HELD: _("Another request waits for this time: %(what)s."),
        Why.BUFFER: _("There is too little time between this and %(what)s."),
        Why.LIMIT: _("%(who)s has as many appointments on that day as your rules allow."),
    }[reason.why]


def _what(taken: Taken, zone: ZoneInfo) -> str:
    return f"{taken.label}, {span_label(*taken.span, zone)}"


def start_label(slot: Slot, zone: ZoneInfo) -> str:
    """When a slot begins, for example "Tuesday, 1 December 2026, 10:00"."""
    start = slot.span.start
    return f"{day_label(start, zone)}, {start.astimezone(zone):%H:%M}"


def not_free(next_ones: Sequence[Slot], zone: ZoneInfo) -> str:
    """For a client whose time is gone."""
    if not next_ones:
        return _("Sorry, this time is not free any more. Please choose another one.")
    return _(
        "Sorry, this time is not free any more. The next free times are: %(times)s (%(zone)s)."
    ) % {
        "times": "; ".join(start_label(slot, zone) for slot in next_ones),
        "zone": zone_label(next_ones[0].span.start, zone),
    }


def rule_label(name: str, value: int | bool) -> str:
    """The value of a rule, for example "8 hours"."""
    if name in {"allow_preferred", "auto_approve"}:
        return _("yes") if value else _("no")
    if name == "daily_limit":
        return str(value) if value else _("no limit")
    number = int(value)
    if name == "notice_hours":
        return ngettext("%(n)s hour", "%(n)s hours", number) % {"n": number}
    if name == "horizon_days":
        return ngettext("%(n)s day", "%(n)s days", number) % {"n": number}
    return ngettext("%(n)s minute", "%(n)s minutes", number) % {"n": number}


def effective_label(name: str, found: Effective) -> str:
    """The value that counts and where it was set, for example "8 hours, from General"."""
    return _("%(value)s, from %(origin)s") % {
        "value": rule_label(name, found.values[name]),
        "origin": found.origins[name].label,
    }
