"""The runbook for whoever administers Microsoft 365, as a page.

Its one source is docs/integrations/teams-meetings-setup.md; the build puts it into the package.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token


@dataclass(frozen=True)
class Runbook:
    title: str
    html: SafeString


@cache
def runbook() -> Runbook:
    """The runbook of this very version."""
    text = files("convene_teams").joinpath("runbook.md").read_text(encoding="utf-8")
    title, _newline, rest = text.removeprefix("# ").partition("\n")
    html = MarkdownIt("js-default", renderer_cls=_Renderer).render(rest)
    return Runbook(title, mark_safe(html))  # noqa: S308  # our own text, and HTML in it is escaped


class _Renderer(RendererHTML):
    """As our pages show it: what is wide scrolls by itself, and can be reached with the keyboard.

    Links to other files of the repository are plain text: they are no pages of the product.
    """

    def fence(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        script = f'<pre class="code" tabindex="0">{escape(tokens[idx].content)}</pre>'
        return f'<div class="teams-script">{script}</div>\n'

    def table_open(self, *_: Any) -> str:
        return '<div class="table-responsive mb-3" tabindex="0"><table class="table">\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"

    def link_open(self, tokens: Sequence[Token], idx: int, *rest: Any) -> str:
        return self.renderToken(tokens, idx, *rest) if _is_page(tokens[idx]) else ""

    def link_close(self, tokens: Sequence[Token], idx: int, *rest: Any) -> str:
        opened = next(token for token in reversed(tokens[:idx]) if token.type == "link_open")
        return self.renderToken(tokens, idx, *rest) if _is_page(opened) else ""


def _is_page(link: Token) -> bool:
    return str(link.attrGet("href")).startswith("https://")
