from django import forms
from django.utils.translation import gettext_lazy as _

from convene.forms import StyledForm, ZoneField

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

    timezone = ZoneField(label=_("Time zone"), empty=_("The zone of your company"))
