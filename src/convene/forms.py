"""What our forms share: Tabler's look, and a wall clock time as people give it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from .wallclock import TimeDoesNotExist, to_utc, twice_note, zone_names

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


def zone_field() -> forms.ChoiceField:
    """A choice of all time zones."""
    return forms.ChoiceField(
        label=_("Time zone"), choices=lambda: [(name, name) for name in zone_names()]
    )


class FinalTimeForm(StyledForm, forms.Form):
    """When an appointment takes place: the clock on the wall of ``final_timezone``.

    Valid, it has ``starts_at`` (UTC) among its cleaned data and what to say of it in ``note``.
    """

    final_date = forms.DateField(label=_("Date"), widget=DateInput)
    final_time = forms.TimeField(label=_("Time"), widget=TimeInput)
    final_timezone = zone_field()
    note = ""

    @staticmethod
    def initial_for(at: datetime, zone: ZoneInfo) -> dict[str, Any]:
        """What the form starts with for a moment, read in a zone."""
        local = at.astimezone(zone)
        return {
            "final_date": local.date(),
            "final_time": local.time(),
            "final_timezone": zone.key,
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            zone = ZoneInfo(cleaned["final_timezone"])
            instant = to_utc(cleaned["final_date"], cleaned["final_time"], zone)
        except KeyError:
            return cleaned  # a part of it is missing, and said so already
        except TimeDoesNotExist as error:
            self.add_error("final_time", str(error))
            return cleaned
        self.note = twice_note(instant, zone)
        return cleaned | {"starts_at": instant.at}
