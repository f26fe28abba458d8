from django import forms
from django.utils.translation import gettext_lazy as _

from convene.forms import StyledForm
from convene.wallclock import zone_names

from .models import Client, Contact


class ClientForm(StyledForm, forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    class Meta:
        model = Client
        fields = ("name", "active")


class ContactForm(StyledForm, forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    class Meta:
        model = Contact
        fields = ("name", "email", "phone", "timezone")

    timezone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        choices=lambda: [("", _("As the MSP")), *((name, name) for name in zone_names())],
    )
