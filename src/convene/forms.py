"""What our forms share: Tabler's look, and a wall clock time as people give it."""

from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.forms.utils import flatatt
from django.utils.functional import Promise
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from .wallclock import TimeDoesNotExist, to_utc, twice_note, validate_zone, zone_names

_CLASSES: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxSelectMultiple, "form-check-input"),
    (forms.CheckboxInput, "form-check-input"),
    (forms.Select, "form-select"),
    (forms.HiddenInput, ""),
    (forms.Widget, "form-control"),
)


class StyledForm(forms.BaseForm):
    """Gives each widget the class that Tabler styles."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            widget = field.widget
            css = next(css for kind, css in _CLASSES if isinstance(widget, kind))
            widget.attrs.setdefault("class", css)


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class TimeInput(forms.TimeInput):
    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


@cache
def _zone_options() -> str:
    """All zones by continent. The same for everybody, and long: made once."""
    groups = groupby(zone_names(), key=lambda name: name.rpartition("/")[0].partition("/")[0])
    options = '<option value="{}">{}</option>'
    return "".join(
        format_html('<optgroup label="{}">{}</optgroup>', continent, inside)
        if continent
        else inside
        for continent, names in groups
        for inside in [format_html_join("", options, ((name, name) for name in names))]
    )


class ZoneSelect(forms.Select):
    """A choice of all time zones; ``empty`` is what none of them means."""

    empty: str | Promise = ""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        shown = flatatt(self.build_attrs(self.attrs, {"name": name, **(attrs or {})}))
        empty = format_html('<option value="">{}</option>', self.empty) if self.empty else ""
        chosen = f'<option value="{escape(value)}"'
        options = _zone_options().replace(chosen, f"{chosen} selected", 1)
        return format_html("<select{}>{}{}</select>", shown, empty, mark_safe(options))  # noqa: S308  # ours


class ZoneField(forms.CharField):
    """A time zone. With ``empty``, the words for none of them, it need not be given."""

    default_validators = [validate_zone]

    def __init__(self, *, empty: str | Promise = "", **kwargs: Any):
        super().__init__(required=not empty, widget=ZoneSelect, **kwargs)
        self.say_empty(empty)

    def say_empty(self, empty: str | Promise) -> None:
        """Name what it means to choose none."""
        self.widget.empty = empty


class MomentField(forms.DateTimeField):
    """The moment that a form was filled in with, unseen.

    In the night in which the clocks go back, their time alone may be that of two moments.
    """

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(required=False)

    def clean(self, value: Any) -> datetime | None:
        """A hint only: what cannot be read is none."""
        try:
            moment: datetime | None = super().clean(value)
        except forms.ValidationError:
            return None
        return moment

    def prepare_value(self, value: Any) -> Any:
        return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


class FinalTimeForm(StyledForm, forms.Form):
    """When an appointment takes place: the clock on the wall of ``final_timezone``.

    Valid, it has ``starts_at`` (UTC) among its cleaned data and what to say of it in ``note``.
    """

    final_date = forms.DateField(label=_("Date"), widget=DateInput)
    final_time = forms.TimeField(label=_("Time"), widget=TimeInput)
    final_timezone = ZoneField(label=_("Time zone"))
    final_moment = MomentField()
    note = ""

    @staticmethod
    def initial_for(at: datetime, zone: ZoneInfo) -> dict[str, Any]:
        """What the form starts with for a moment, read in a zone."""
        local = at.astimezone(zone)
        return {
            "final_date": local.date(),
            "final_time": local.time(),
            "final_timezone": zone.key,
            "final_moment": at,
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            zone = ZoneInfo(cleaned["final_timezone"])
            day, clock, meant = (cleaned[f"final_{name}"] for name in ("date", "time", "moment"))
            instant = to_utc(day, clock, zone, meant=meant)
        except KeyError:
            return cleaned  # a part of it is missing, and said so already
        except TimeDoesNotExist as error:
            self.add_error("final_time", str(error))
            return cleaned
        self.note = twice_note(instant, zone)
        return cleaned | {"starts_at": instant.at}
