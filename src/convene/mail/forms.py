"""The form of an MSP's own words for a mail."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from convene.forms import StyledForm

from .handlebars import Problem
from .kinds import MailKind
from .templates import Template
from .texts import PARTS, problems, trial

_CODE = {"class": "form-control font-monospace", "spellcheck": "false", "autocomplete": "off"}


class SourceField(forms.CharField):
    """The source of a template, with the line ends that ours have."""

    def __init__(self, label: Any, widget: forms.Widget) -> None:
        super().__init__(label=label, widget=widget, strip=False)

    def clean(self, value: Any) -> str:
        source: str = super().clean(value)
        return "\n".join(source.splitlines()).rstrip() + "\n"


class MailTextForm(StyledForm, forms.Form):
    """The three parts of a mail. Valid, it can be rendered, and is a ``template``."""

    subject = SourceField(gettext_lazy("Subject"), forms.TextInput(attrs=_CODE))
    html = SourceField(gettext_lazy("HTML"), forms.Textarea(attrs={**_CODE, "rows": 18}))
    text = SourceField(gettext_lazy("Plain text"), forms.Textarea(attrs={**_CODE, "rows": 14}))
    suppose = forms.MultipleChoiceField(
        label=gettext_lazy("Suppose in the preview"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, data: Any = None, *, kind: MailKind, template: Template | None = None):
        initial = {part: getattr(template, part).rstrip() for part in PARTS} if template else {}
        super().__init__(data, initial=initial)
        self.kind = kind
        self.fields["suppose"].choices = [  # type: ignore[attr-defined]  # a choice
            (switch.name, switch.meaning) for switch in kind.switches
        ]

    @property
    def template(self) -> Template:
        return Template(**{part: self.cleaned_data[part] for part in PARTS})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not all(part in cleaned for part in PARTS):
            return cleaned
        found = problems(self.kind, self.template)
        for part, them in found.items():
            for problem in them:
                self.add_error(part, in_words(problem))
        if not found and (failed := trial(self.kind, self.template)):
            self.add_error(None, in_words(failed))
        return cleaned


def in_words(problem: Problem) -> str:
    """A problem with its line, if it has one."""
    if not problem.line:
        return problem.sentence
    words = {"line": problem.line, "sentence": problem.sentence}
    return _("Line %(line)d: %(sentence)s") % words
