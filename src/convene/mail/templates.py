"""A mail is three small Handlebars files: its subject, its HTML and its plain text.

What all mails share, the frame with the sender's name and how to reach them, is in
`layout.html.hbs` and `layout.txt.hbs` beside this module.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.utils.translation import gettext as _

from convene.mail.handlebars import Context, TemplateError, render, render_html
from convene.text import one_line

_LAYOUTS = Path(__file__).parent


@dataclass(frozen=True)
class Rendered:
    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Template:
    """The sources of one mail, whoever wrote them."""

    subject: str
    html: str
    text: str

    def render(self, context: Context) -> Rendered:
        """Raises TemplateError, also for a mail that comes out empty."""
        subject = one_line(render(self.subject, context, escape=False))
        html_body = render_html(self.html, context)
        text_body = render(self.text, context, escape=False).strip()
        if not (subject and html_body.strip() and text_body):
            raise TemplateError(_("The subject or the text of the mail is empty."))
        return Rendered(
            subject=subject,
            html=_in_layout("html", {**context, "subject": subject, "body": html_body}),
            text=_in_layout("txt", {**context, "body": text_body}),
        )


@lru_cache
def load(folder: Path, name: str) -> Template:
    return Template(
        subject=_read(folder / f"{name}.subject.hbs"),
        html=_read(folder / f"{name}.html.hbs"),
        text=_read(folder / f"{name}.txt.hbs"),
    )


def _in_layout(kind: str, context: Context) -> str:
    return render(_layout(kind), context, escape=kind == "html")


@lru_cache
def _layout(kind: str) -> str:
    return _read(_LAYOUTS / f"layout.{kind}.hbs")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
