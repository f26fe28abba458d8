"""The forms of the two tabs."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from convene.forms import StyledForm

from .clouds import NOT_IN_CHINA, Cloud, is_guid
from .models import MicrosoftProfile
from .organizer import clean_organizer
from .readiness import Readiness

# Names and ids that are pasted; a browser's help would only change them.
_AS_TYPED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class ProfileForm(StyledForm, forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """A Microsoft profile. The secret goes in and never comes out again."""

    secret = forms.CharField(
        label=_("Client secret (its value)"),
        required=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    cloud = forms.ChoiceField(
        label=_("Cloud"),
        choices=Cloud.choices,
        error_messages={"invalid_choice": NOT_IN_CHINA},
        help_text=_(
            "GCC without “High” is in the commercial cloud. China (21Vianet) is not possible:"
            " Microsoft Graph has no online meetings there."
        ),
    )
    field_order = ("display_name", "microsoft_tenant_id", "client_id", "secret", "cloud")

    class Meta:
        model = MicrosoftProfile
        fields = ("display_name", "microsoft_tenant_id", "client_id", "cloud")
        help_texts = {
            "display_name": _("For you, to tell profiles apart."),
            "microsoft_tenant_id": _("Entra admin center, the app's overview."),
            "client_id": _("On the same page."),
        }
        widgets = {
            "microsoft_tenant_id": forms.TextInput(attrs=_AS_TYPED),
            "client_id": forms.TextInput(attrs=_AS_TYPED),
        }

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        # The browser would cut an id that was pasted with a space before it.
        self.fields["client_id"].widget.attrs.pop("maxlength", None)
        is_new = self.instance._state.adding
        self.fields["secret"].required = is_new
        self.fields["secret"].help_text = _secret_help(is_new=is_new)

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"]
        if is_guid(secret):
            raise ValidationError(
                _t("This is the id of the secret. Paste its value, which is shown only once.")
            )
        return secret

    def ask_for_the_secret_again(self) -> None:
        """A page that was refused does not carry the secret: say so, or it would get lost."""
        if self.data.get("secret") and "secret" not in self.errors:
            self.add_error("secret", _t("Enter the secret again: it is never sent back to a page."))


class ActivationForm(StyledForm, forms.Form):
    """With which profile new meetings are made."""

    profile = forms.ChoiceField(label=_("Microsoft profile"))

    def __init__(self, data: Any = None, *, ready: Readiness):
        first = ready.profile or next(iter(ready.offered), None)
        super().__init__(data, initial={"profile": first and first.id})
        self._offered = {str(profile.id): profile for profile in ready.offered}
        choices = [("", _t("Choose…")), *self._offered.items()]
        self.fields["profile"].choices = choices  # type: ignore[attr-defined]  # a choice

    def clean_profile(self) -> MicrosoftProfile:
        return self._offered[self.cleaned_data["profile"]]


class OrganizerForm(StyledForm, forms.Form):
    organizer = forms.CharField(
        label=_("Default meeting organizer (UPN or Microsoft user ID)"),
        required=False,
        widget=forms.TextInput(attrs=_AS_TYPED),
        help_text=_(
            "For example scheduling@your-domain, or the account's object id. Empty: the switch is"
            " gone from the approval form at once; meetings that exist still move and go."
        ),
    )

    def clean_organizer(self) -> str:
        return clean_organizer(self.cleaned_data["organizer"])


def _secret_help(*, is_new: bool) -> Any:
    if is_new:
        return _(
            "Under Certificates & secrets; the value, not the secret's id. It is stored sealed and"
            " never shown again. It expires on the day you chose at Microsoft: from then on no"
            " meetings are made until a new one is entered here. Put that day in your calendar."
        )
    return _(
        "Leave it empty to keep the one we have. Enter a new one before the old one expires at"
        " Microsoft: from that day on no meetings are made, moved or removed."
    )
