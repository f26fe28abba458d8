"""Handlebars for mail that tenants edit: no template can stop the process or harm a reader.

pydantic-handlebars parses and renders. This module decides what a template may say, bounds what
it may cost, and closes the gaps to handlebars.js that an author would notice. It reaches into
private classes, so the version is pinned exactly, and what handlebars.js itself answers is kept as
tests.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import islice

import nh3
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic_handlebars import HandlebarsError, HandlebarsParseError
from pydantic_handlebars._ast_nodes import (
    BlockStatement,
    Expression,
    MustacheStatement,
    PathExpression,
    Program,
    RawBlock,
    Statement,
    StripFlags,
    SubExpression,
)
from pydantic_handlebars._compiler import (
    Compiler,
    Scope,
    _apply_body_strip,
    _apply_inverse_strip,
)
from pydantic_handlebars._helpers import get_standard_helpers
from pydantic_handlebars._parser import _EndCondition, _Parser
from pydantic_handlebars._tokenizer import Token, TokenType, tokenize
from pydantic_handlebars._utils import is_falsy

MAX_SOURCE = 64 * 1024
MAX_OUTPUT = 512 * 1024
MAX_STEPS = 20_000
MAX_TAGS = 5_000  # tags inside each other cost the cleaner their number squared
MAX_DEPTH = 25
MAX_PROBLEMS = 20

BLOCKS = frozenset({"if", "unless", "each", "with"})

Context = Mapping[str, object]


@dataclass(frozen=True)
class Problem:
    """What an author has to put right. Line 0 means the template as a whole."""

    line: int
    column: int
    sentence: str


class TemplateError(ValueError):
    """A template that cannot be rendered."""

    def __init__(self, sentence: str, *, line: int = 0, column: int = 0) -> None:
        self.sentence = sentence
        self.line = line
        self.column = column
        super().__init__(f"{sentence} (line {line}, column {column})" if line else sentence)


def render(source: str, context: Context, *, escape: bool) -> str:
    """Escape for HTML, never for subjects and plain text: an escaped link no longer works there."""
    program = _compile(source)
    try:
        return _Renderer(escape=escape).render(program, dict(context))
    except (HandlebarsError, RecursionError) as error:
        raise TemplateError(_sentence(error)) from error


def render_html(source: str, context: Context) -> str:
    """Escaping alone does not stop `href="javascript:..."`, nor what an author writes by hand."""
    html = render(source, context, escape=True)
    if html.count("<") > MAX_TAGS:
        raise TemplateError(_("The mail would have more than %(n)d HTML tags.") % {"n": MAX_TAGS})
    return clean_html(html)


def check(source: str, names: Collection[str]) -> list[Problem]:
    """What keeps a template with these variables from saying what its author means."""
    try:
        program = _compile(source)
    except TemplateError as error:
        return [Problem(error.line, error.column, error.sentence)]
    unknown = ((name, path) for name, path in _variables(program) if name not in names)
    return [
        Problem(path.line, path.column, _unknown_name(name, names))
        for name, path in islice(unknown, MAX_PROBLEMS)
    ]


def variables(source: str) -> frozenset[str]:
    """The variables a template mentions anywhere, also in conditions."""
    return frozenset(name for name, _path in _variables(_compile(source)))


_CLEANER = nh3.Cleaner(
    tags={
        *("a", "b", "blockquote", "br", "div", "em", "h1", "h2", "h3", "hr", "i", "img"),
        *("li", "ol", "p", "span", "strong", "u", "ul"),
        *("table", "tbody", "td", "th", "thead", "tr"),
    },
    attributes={
        "*": {"class", "dir", "lang", "role", "style", "title"},
        "a": {"href"},
        "img": {"alt", "height", "src", "width"},
        "table": {"align", "bgcolor", "border", "cellpadding", "cellspacing", "width"},
        "td": {"align", "bgcolor", "colspan", "height", "rowspan", "valign", "width"},
        "th": {"align", "bgcolor", "colspan", "height", "rowspan", "scope", "valign", "width"},
    },
    # No property that loads something or moves an element over another one.
    filter_style_properties={
        *("background-color", "border", "border-bottom", "border-collapse", "border-color"),
        *("border-left", "border-radius", "border-right", "border-spacing", "border-style"),
        *("border-top", "border-width", "color", "display", "font-family", "font-size"),
        *("font-style", "font-weight", "height", "letter-spacing", "line-height", "margin"),
        *("margin-bottom", "margin-left", "margin-right", "margin-top", "max-width", "padding"),
        *("padding-bottom", "padding-left", "padding-right", "padding-top", "text-align"),
        *("text-decoration", "text-transform", "vertical-align", "white-space", "width"),
        *("overflow-wrap", "word-break"),
        "mso-padding-alt",  # Outlook pads a button's cell, not its link
    },
    url_schemes={"https", "mailto", "tel"},
    url_relative="deny",
    link_rel=None,
)


def clean_html(html: str) -> str:
    return _CLEANER.clean(html)


@lru_cache(maxsize=256)
def _compile(source: str) -> Program:
    if len(source) > MAX_SOURCE:
        raise TemplateError(_("The template is longer than %(n)d kB.") % {"n": MAX_SOURCE // 1024})
    try:
        tokens = _without_standalone_lines(tokenize(source))
        return _StrictParser(tokens, source).parse()
    except HandlebarsParseError as error:
        raise TemplateError(
            _sentence(error), line=error.line or 0, column=error.column or 0
        ) from error


def _without_standalone_lines(tokens: list[Token]) -> list[Token]:
    """Drop the lines that hold nothing but a block tag or a comment, as handlebars.js does.

    It works on tokens, not on the source, so that errors keep the author's line numbers.
    """
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for first, last in _block_tags(tokens):
        end = _blank_line_start(tokens, first - 1)
        start = _blank_line_end(tokens, last + 1)
        if end is not None and start is not None:
            ends[first - 1] = end
            starts[last + 1] = start
    return [
        replace(token, value=token.value[starts.get(index, 0) : ends.get(index)])
        if token.type is TokenType.CONTENT
        else token
        for index, token in enumerate(tokens)
    ]


def _block_tags(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """The first and last token of every tag that prints nothing itself."""
    first: int | None = None
    for index, token in enumerate(tokens):
        match token.type:
            case TokenType.COMMENT:
                yield index, index
            case TokenType.OPEN_BLOCK | TokenType.OPEN_ENDBLOCK | TokenType.OPEN_INVERSE:
                first = index
            case TokenType.OPEN:
                first = index if tokens[index + 1].type is TokenType.INVERSE else None
            case TokenType.CLOSE if first is not None:
                yield first, index
                first = None


def _blank_line_start(tokens: list[Token], index: int) -> int | None:
    """Where the blank beginning of a line starts, if that is how this token ends."""
    if index < 0:
        return 0
    token = tokens[index]
    start = token.value.rfind("\n") + 1
    begins_a_line = start > 0 or index == 0
    is_blank = token.type is TokenType.CONTENT and not token.value[start:].strip(" \t")
    return start if begins_a_line and is_blank else None


def _blank_line_end(tokens: list[Token], index: int) -> int | None:
    """Where the blank rest of a line ends, if that is how this token begins."""
    token = tokens[index]
    if token.type is TokenType.EOF:
        return 0
    if token.type is not TokenType.CONTENT:
        return None
    rest, newline, _after = token.value.partition("\n")
    ends_the_line = newline or tokens[index + 1].type is TokenType.EOF
    return len(rest + newline) if ends_the_line and not rest.strip(" \t\r") else None


@dataclass(slots=True)
class _PlacedPath(PathExpression):
    line: int = 0
    column: int = 0


class _Refusal(HandlebarsParseError):
    """Said by us, not by the parser: it is a sentence already."""

    def __init__(self, sentence: str, token: Token) -> None:
        self.sentence = sentence
        super().__init__(sentence, line=token.line, column=token.column)


class _StrictParser(_Parser):
    """Knows where each name stands, and refuses at once what could only go wrong later."""

    _depth = 0

    @contextmanager
    def _one_level_deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            sentence = _("Blocks are nested deeper than %(n)d levels.") % {"n": MAX_DEPTH}
            raise _Refusal(sentence, self._current())
        yield
        self._depth -= 1

    def _parse_body(self, end_condition: _EndCondition | None = None) -> list[Statement]:
        with self._one_level_deeper():
            return super()._parse_body(end_condition)

    def _parse_chained_else(
        self, block_path: Expression, inv_strip_open: bool
    ) -> tuple[Program, StripFlags, StripFlags]:
        with self._one_level_deeper():
            return super()._parse_chained_else(block_path, inv_strip_open)

    def _parse_path(self) -> _PlacedPath:
        token = self._current()
        return _PlacedPath(**asdict(super()._parse_path()), line=token.line, column=token.column)

    def _parse_expression(self) -> Expression:
        token = self._current()
        if token.type is TokenType.NUMBER and not re.fullmatch(r"-?[0-9.]{1,15}", token.value):
            raise _Refusal(_("This number cannot be understood."), token)
        return super()._parse_expression()

    def _parse_subexpression(self) -> SubExpression:
        raise _Refusal(_("Brackets would call a helper, and there is none."), self._current())

    def _parse_block_params(self) -> list[str]:
        first = self._current()
        names = super()._parse_block_params()
        if len(names) > 2:  # thousands of names would make each round of a loop slow
            raise _Refusal(_("A loop names its item and its place, nothing more."), first)
        return names

    def _parse_raw_block(self) -> RawBlock:
        raise _Refusal(_("Four braces would call a helper, and there is none."), self._current())

    def _parse_block(self) -> BlockStatement:
        opening = self._current()
        try:
            return super()._parse_block()
        except HandlebarsParseError as error:
            if _message(error) != "Unclosed block":
                raise
            # The parser points at the end of the template; the author looks for the beginning.
            raise _Refusal(_("This block is never closed."), opening) from error

    def _parse_expression_with_params(
        self,
    ) -> tuple[Expression, list[Expression], dict[str, Expression]]:
        """The words of one tag, whatever kind of tag it is."""
        first = self._current()
        opener = self._tokens[self._pos - 1]
        if opener.type is TokenType.STRIP:
            opener = self._tokens[self._pos - 2]
        head, values, options = super()._parse_expression_with_params()
        is_block = opener.type not in {TokenType.OPEN, TokenType.OPEN_UNESCAPED}
        name = head.original if isinstance(head, PathExpression) else ""
        if is_block and not name:
            raise _Refusal(_("A block needs the name of a variable."), first)
        if name in BLOCKS and not is_block:
            tags = f"{{{{#{name} …}}}} … {{{{/{name}}}}}"
            sentence = _("“%(name)s” is a block: write %(tags)s.")
            raise _Refusal(sentence % {"name": name, "tags": tags}, first)
        if name in BLOCKS and len(values) != 1:
            raise _Refusal(_("“%(name)s” needs exactly one value.") % {"name": name}, first)
        if name not in BLOCKS and (values or options):
            raise _Refusal(_("There is no helper “%(name)s”.") % {"name": name}, first)
        return head, values, options


class _Renderer(Compiler):
    """Counts its steps, because four nested loops print nothing and still run for minutes."""

    def __init__(self, *, escape: bool) -> None:
        super().__init__(
            {name: get_standard_helpers()[name] for name in BLOCKS},
            auto_escape=escape,
            max_depth=MAX_DEPTH,
            max_output_size=MAX_OUTPUT,
        )
        self._steps = 0

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TemplateError(_("The template takes more than %(n)d steps.") % {"n": MAX_STEPS})

    def _render_program(self, program: Program, scope: Scope) -> str:
        self._step()
        return super()._render_program(program, scope)

    def _render_statement(self, stmt: Statement, scope: Scope) -> str:
        self._step()
        return super()._render_statement(stmt, scope)

    def _eval_expression(self, expr: Expression, scope: Scope) -> object:
        self._step()
        return super()._eval_expression(expr, scope)

    def _call_block_helper(self, name: str, stmt: BlockStatement, scope: Scope) -> str:
        if name in {"each", "with"}:
            return super()._call_block_helper(name, stmt, scope)
        if self._holds(stmt, scope) == (name == "if"):
            return _apply_body_strip(stmt, self._render_program(stmt.body, scope))
        if stmt.inverse is None:
            return ""
        return _apply_inverse_strip(stmt, self._render_program(stmt.inverse, scope))

    def _holds(self, stmt: BlockStatement, scope: Scope) -> bool:
        """A condition opens no scope: inside `if`, `../name` means what it means outside."""
        value = self._eval_expression(stmt.params[0], scope)
        option = stmt.hash_pairs.get("includeZero")
        is_zero = value == 0 and not isinstance(value, bool)
        if is_zero and option and self._eval_expression(option, scope):
            return True
        return not is_falsy(value)


def _variables(
    program: Program, *, moved: int = 0, local: frozenset[str] = frozenset()
) -> Iterator[tuple[str, _PlacedPath]]:
    """Each mention of a variable, with its place.

    Inside `each` and `with` (`moved` of them deep) a plain name belongs to the item, not to the
    mail, and `as |item|` makes it `local`.
    """
    for statement in program.body:
        if isinstance(statement, MustacheStatement):
            yield from _variable(statement.path, moved, local)
        elif isinstance(statement, BlockStatement):
            assert isinstance(statement.path, PathExpression)  # noqa: S101  # the parser saw to it
            helper = statement.path.original
            subjects = statement.params if helper in BLOCKS else [statement.path]
            for subject in subjects:
                yield from _variable(subject, moved, local)
            moves = helper not in {"if", "unless"}
            yield from _variables(
                statement.body,
                moved=moved + moves,
                local=local | frozenset(statement.block_params),
            )
            if statement.inverse:
                yield from _variables(statement.inverse, moved=moved, local=local)


def _variable(
    expression: Expression, moved: int, local: frozenset[str]
) -> Iterator[tuple[str, _PlacedPath]]:
    if not isinstance(expression, _PlacedPath):
        return
    if expression.data:
        if expression.parts[:1] == ["root"] and len(expression.parts) > 1:
            yield expression.parts[1], expression
    elif expression.parts and expression.depth >= moved and expression.parts[0] not in local:
        yield expression.parts[0], expression


def _unknown_name(name: str, names: Collection[str]) -> str:
    similar = difflib.get_close_matches(name, names, n=1)
    if not similar:
        return _("There is no variable “%(name)s”.") % {"name": name}
    words = {"name": name, "similar": similar[0]}
    return _("There is no variable “%(name)s”. Did you mean “%(similar)s”?") % words


_SENTENCES = {
    "Unexpected closing block": gettext_lazy("This closes a block that was never opened."),
    "Unexpected standalone inverse block": gettext_lazy("This “else” belongs to no block."),
    "Partials are not supported": gettext_lazy("A mail cannot include other templates."),
    "Unclosed comment": gettext_lazy("This comment is never closed."),
    "Unterminated string literal": gettext_lazy("This quoted text is never closed."),
    "Expected identifier after path separator": gettext_lazy("A name is missing after the dot."),
}


def _sentence(error: Exception) -> str:
    """The parser's own messages are for programmers."""
    if isinstance(error, _Refusal):
        return error.sentence
    message = _message(error)
    if closed := re.fullmatch(r"(.+) doesn't match (.+)", message):
        words = {"opened": closed[1], "closed": closed[2]}
        return _("“%(opened)s” is closed as “%(closed)s”.") % words
    if message.startswith("Output size exceeds"):
        return _("The mail would be longer than %(n)d kB.") % {"n": MAX_OUTPUT // 1024}
    return str(_SENTENCES.get(message) or _("This tag cannot be understood."))


def _message(error: Exception) -> str:
    return str(error).rpartition(" at line ")[0] or str(error)
