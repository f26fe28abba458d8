"""The kinds of mail that an MSP can put into its own words.

`mail` knows no appointment: the part above registers each of its kinds, with our own text and the
variables that a text of it may use.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.utils.functional import Promise

from .handlebars import variables
from .templates import Template, load


@dataclass(frozen=True)
class Variable:
    """What authors may use, and what a preview shows for it."""

    name: str
    meaning: str | Promise
    example: str | bool

    @property
    def tag(self) -> str:
        """How a template prints it."""
        return f"{{{{{self.name}}}}}"

    @property
    def is_switch(self) -> bool:
        """Whether it is true or false: for conditions, not to be printed."""
        return isinstance(self.example, bool)


@dataclass(frozen=True)
class MailKind:
    """A kind of mail: its name in the outbox, and how people call it and its recipients.

    Our own text is in three files of ``folder``. ``matter`` names the variables without which a
    reader cannot do what a mail is for.
    """

    name: str
    title: str | Promise
    recipients: str | Promise
    folder: Path
    variables: tuple[Variable, ...]
    matter: frozenset[str]

    @property
    def ours(self) -> Template:
        """Our own text."""
        return load(self.folder, self.name)

    @property
    def switches(self) -> list[Variable]:
        """The variables that our own text decides by."""
        used = variables(self.ours.html)
        return [v for v in self.variables if v.is_switch and v.name in used]

    def example(self, *true: str) -> dict[str, str | bool]:
        """Values to try a text with; of the switches these are on."""
        return {v.name: v.name in true if v.is_switch else v.example for v in self.variables}


_kinds: dict[str, MailKind] = {}


def register(kinds: Iterable[MailKind]) -> None:
    """Let MSPs put these into their own words."""
    _kinds.update({kind.name: kind for kind in kinds})


def all_kinds() -> list[MailKind]:
    return list(_kinds.values())


def kind_of(name: str) -> MailKind | None:
    return _kinds.get(name)
