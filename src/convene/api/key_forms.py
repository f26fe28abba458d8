"""The form of a new key."""

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.validators import MaxValueValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from convene.availability.hours import DAY, MIDNIGHT, moment
from convene.forms import DateInput, StyledForm
from convene.wallclock import LAST_DAY


class KeyForm(StyledForm, forms.Form):
    """What the key is for, and until when it is good. Valid, it has ``ends_at`` (UTC or None)."""

    name = forms.CharField(
        label=_("What is it for?"),
        max_length=100,
        help_text=_("For example the name of the tool that gets it."),
    )
    last_day = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=DateInput,
        validators=[MaxValueValidator(LAST_DAY)],
        help_text=_("Without one the key is good until somebody revokes it."),
    )

    def __init__(self, data: Any = None, *, zone: ZoneInfo):
        super().__init__(data)
        self.zone = zone

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        last = cleaned.get("last_day")
        ends_at = moment(last + DAY, MIDNIGHT, self.zone) if last else None
        if ends_at and ends_at <= timezone.now():
            self.add_error("last_day", _("This day is over. Choose a later one."))
        return cleaned | {"ends_at": ends_at}
