"""Saving forms of tenant-owned rows."""

from typing import Any

from django import forms
from django.db import IntegrityError, transaction

from .db import violated_constraint


def saved(form: "forms.ModelForm[Any]") -> bool:
    """Save a valid form. A rule that somebody quicker has broken meanwhile is the form's error."""
    try:
        with transaction.atomic():
            form.save()
    except IntegrityError as error:
        name = violated_constraint(error)
        broken = [rule for rule in form.instance._meta.constraints if rule.name == name]
        if not broken:
            raise
        form.add_error(None, broken[0].get_violation_error_message())
    return not form.errors
