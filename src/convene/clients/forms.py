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

    def clean_email(self) -> str:
        """A new address is perhaps a new person: who had the old one loses the portal."""
        email: str = self.cleaned_data["email"]
        if "email" in self.changed_data:
            self.instance.membership = None
        return email

    timezone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        choices=lambda: [("", _("As the MSP")), *((name, name) for name in zone_names())],
    )
