"""allauth's forms with our look."""

from allauth.account import forms

from convene.forms import StyledForm


class LoginForm(StyledForm, forms.LoginForm):  # type: ignore[misc]  # allauth has no types
    pass


class ResetPasswordForm(StyledForm, forms.ResetPasswordForm):  # type: ignore[misc]  # as above
    pass


class ResetPasswordKeyForm(StyledForm, forms.ResetPasswordKeyForm):  # type: ignore[misc]  # as above
    pass
