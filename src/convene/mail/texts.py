"""What a mail says: in the MSP's own words where it has some, otherwise in ours."""

from dataclasses import dataclass

from convene.logs import log

from .handlebars import Context, Problem, TemplateError, check, variables
from .kinds import MailKind, Variable
from .models import MailText
from .templates import Rendered, Template


def render(kind: MailKind, context: Context) -> Rendered:
    """Write a mail inside the tenant's block. An MSP's text that fails stops no mail: ours is sent.

    It was tried before it was saved, but not with these values, and by an older Convene perhaps.
    """
    if own := MailText.objects.filter(kind=kind.name).first():
        try:
            return own.template.render(context)
        except Exception as error:
            why = error.sentence if isinstance(error, TemplateError) else type(error).__name__
            log.warning("mail.text_failed", kind=kind.name, reason=why)
    return kind.ours.render(context)


PARTS = ("subject", "html", "text")


def problems(kind: MailKind, template: Template) -> dict[str, list[Problem]]:
    """What keeps a text from being used, by part; found by reading it."""
    names = {variable.name for variable in kind.variables}
    found = {part: check(getattr(template, part), names) for part in PARTS}
    return {part: them for part, them in found.items() if them}


def trial(kind: MailKind, template: Template) -> Problem | None:
    """What goes wrong with a text when it is rendered: with each switch on alone, and with none."""
    switches = [variable.name for variable in kind.variables if variable.is_switch]
    for switched_on in [(), *((name,) for name in switches)]:
        try:
            template.render(kind.example(*switched_on))
        except TemplateError as error:
            return Problem(error.line, error.column, error.sentence)
    return None


@dataclass(frozen=True)
class Missing:
    """A variable that matters and is in our own text, but not in a part of the MSP's."""

    variable: Variable
    in_html: bool
    in_text: bool


def missing(kind: MailKind, template: Template) -> list[Missing]:
    """What a reader of this text is not told, by the order of the variables."""
    in_html = _lacks(kind, kind.ours.html, template.html)
    in_text = _lacks(kind, kind.ours.text, template.text)
    return [
        Missing(variable, variable.name in in_html, variable.name in in_text)
        for variable in kind.variables
        if variable.name in in_html | in_text
    ]


def _lacks(kind: MailKind, ours: str, theirs: str) -> frozenset[str]:
    return (kind.matter & variables(ours)) - variables(theirs)
