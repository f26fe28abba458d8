"""allauth's forms with our look and our words."""

from typing import Any

from allauth.account import forms
from django.utils.translation import gettext_lazy as _

from convene.forms import StyledForm


class AccountForm(StyledForm):
    """Calls an e-mail address as all our pages do; the label stands above its field, not in it."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            if name in {"login", "email"}:
                field.label = _("E-mail address")


class LoginForm(AccountForm, forms.LoginForm):  # type: ignore[misc]  # allauth has no types
    pass


class ResetPasswordForm(AccountForm, forms.ResetPasswordForm):  # type: ignore[misc]  # as above
    pass


class ResetPasswordKeyForm(AccountForm, forms.ResetPasswordKeyForm):  # type: ignore[misc]  # as above
    pass
