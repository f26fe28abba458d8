import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convene.mail import handlebars
from convene.mail.handlebars import (
    Problem,
    TemplateError,
    check,
    clean_html,
    render,
    render_html,
    variables,
)

# Where we knowingly answer differently from handlebars.js; mail prints neither numbers nor lists.
HARMLESS_DIFFERENCES = {
    "bool": "true false  1.5 1.0|",  # a float keeps its ".0"
    "list": "[1, 2]|{&#x27;a&#x27;: 1}",  # lists and objects print as Python writes them
    "proto": "",  # a text has no "length"
}
CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("handlebars_cases.json").read_text(encoding="utf-8")
)


def answer(case: dict[str, Any]) -> str | None:
    """What we make of a case; `None` stands for an error."""
    try:
        return render(case["template"], case["context"], escape=True)
    except TemplateError:
        return None


def expected(case: dict[str, Any]) -> str | None:
    reference = case["handlebars_js"]
    text: str = reference["text"]
    return text if reference["outcome"] == "ok" else None


def test_we_differ_from_handlebars_js_only_where_we_mean_to() -> None:
    differences = {case["name"]: answer(case) for case in CASES if answer(case) != expected(case)}

    assert differences == HARMLESS_DIFFERENCES


def test_plain_text_is_not_escaped() -> None:
    assert render("{{name}}", {"name": "O'Neil & <co>"}, escape=False) == "O'Neil & <co>"


def test_an_absent_variable_is_empty() -> None:
    assert render("[{{name}}]{{#if name}}x{{/if}}", {}, escape=True) == "[]"


def test_a_condition_opens_no_scope() -> None:
    source = "{{#each people}}{{#unless away}}{{../greeting}} {{name}}{{/unless}}{{/each}}"

    text = render(source, {"greeting": "Hi", "people": [{"name": "Ada"}]}, escape=False)

    assert text == "Hi Ada"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_with_nothing_but_a_block_tag_leave_no_trace(newline: str) -> None:
    source = newline.join(
        ["{{! A comment }}", "{{#if no}}", "A", "{{else if yes}}", "B", "  {{/if}}  ", "C"]
    )

    assert render(source, {"yes": True}, escape=False) == f"B{newline}C"


def test_a_block_tag_beside_text_keeps_its_line() -> None:
    source = "a {{#if yes}}\nb\n{{/if}} c"

    assert render(source, {"yes": True}, escape=False) == "a \nb\n c"


def test_tildes_take_away_white_space() -> None:
    assert render("a  {{~#if yes~}}  b  {{~/if~}}  c", {"yes": True}, escape=False) == "abc"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("Dear\n {{#if a}}\nx", Problem(2, 2, "This block is never closed.")),
        ("{{#if a}}\n{{/each}}", Problem(2, 8, "“if” is closed as “each”.")),
        ("a\n{{/if}}", Problem(2, 1, "This closes a block that was never opened.")),
        ("{{#if}}{{/if}}", Problem(1, 4, "“if” needs exactly one value.")),
        ("{{if a}}", Problem(1, 3, "“if” is a block: write {{#if …}} … {{/if}}.")),
        ("{{shout a}}", Problem(1, 3, "There is no helper “shout”.")),
        ("{{#shout a}}{{/shout}}", Problem(1, 4, "There is no helper “shout”.")),
        ("{{lookup a a}}", Problem(1, 3, "There is no helper “lookup”.")),
        (
            "{{#if (eq a a)}}{{/if}}",
            Problem(1, 7, "Brackets would call a helper, and there is none."),
        ),
        (
            "{{#each a as |b c d|}}{{/each}}",
            Problem(1, 11, "A loop names its item and its place, nothing more."),
        ),
        ("{{> footer}}", Problem(1, 1, "A mail cannot include other templates.")),
        (
            "{{{{raw}}}}{{{{/raw}}}}",
            Problem(1, 1, "Four braces would call a helper, and there is none."),
        ),
        ("{{!-- a", Problem(1, 1, "This comment is never closed.")),
        ("{{a/}}", Problem(1, 5, "A name is missing after the dot.")),
        ("{{#if ²}}{{/if}}", Problem(1, 7, "This number cannot be understood.")),
        ("{{" + "9" * 5000 + "}}", Problem(1, 3, "This number cannot be understood.")),
        ("{{ a! }}", Problem(1, 5, "This tag cannot be understood.")),
    ],
)
def test_what_cannot_be_rendered_is_named_with_its_place(source: str, problem: Problem) -> None:
    assert check(source, {"a"}) == [problem]

    with pytest.raises(TemplateError) as error:
        render(source, {"a": "x"}, escape=True)
    assert (error.value.line, error.value.column) == (problem.line, problem.column)


def test_a_misspelt_variable_is_named_with_its_place_and_a_suggestion() -> None:
    source = "Dear {{clinetName}},\n{{#if foo}}{{clientName}}{{/if}}"

    assert check(source, {"clientName", "reference"}) == [
        Problem(1, 8, "There is no variable “clinetName”. Did you mean “clientName”?"),
        Problem(2, 7, "There is no variable “foo”."),
    ]


def test_nobody_is_told_more_than_twenty_problems_at_once() -> None:
    source = "".join(f"{{{{name{number}}}}}" for number in range(5000))

    assert len(check(source, {"name"})) == 20


def test_names_inside_a_loop_belong_to_its_items() -> None:
    inside = "{{name}}{{row.x}}{{i}}{{@index}}{{@this}}{{../a}}{{@root.b}}"
    source = "{{#each rows as |row i|}}" + inside + "{{/each}}{{c}}"

    assert variables(source) == {"rows", "a", "b", "c"}


LIMITED = {
    "too long": ("x" * (handlebars.MAX_SOURCE + 1), "longer than 64 kB"),
    "deep blocks": ("{{#if l}}" * 7000, "nested deeper than 25 levels"),
    "long else chain": ("{{#if x}}" + "{{else if x}}" * 4000, "nested deeper than 25 levels"),
    "deep brackets": ("{{a " + "(" * 30_000, "Brackets"),
    "empty nested loops": ("{{#each @root.l}}" * 4 + "{{/each}}" * 4, "more than 20000 steps"),
    "many conditions": ("{{#each l}}" + "{{#if x}}{{/if}}" * 3000 + "{{/each}}", "20000 steps"),
    "large output": ("{{#each l}}" + "x" * 60_000 + "{{/each}}", "longer than 512 kB"),
}


@pytest.mark.parametrize(("source", "sentence"), LIMITED.values(), ids=LIMITED)
def test_a_bomb_is_stopped_by_a_limit(source: str, sentence: str) -> None:
    with pytest.raises(TemplateError, match=sentence):
        render(source, {"l": list(range(100))}, escape=True)


def test_tags_inside_each_other_do_not_keep_the_worker_busy() -> None:
    source, context = "{{{description}}}" * 120, {"description": "<div>" * 800}

    began = time.process_time()
    with pytest.raises(TemplateError, match="more than 5000 HTML tags"):
        render_html(source, context)

    assert time.process_time() - began < 2  # cleaned, they took it half a minute


def test_a_template_within_the_limits_is_rendered() -> None:
    source = "{{#if a}}" * 24 + "x" + "{{/if}}" * 24

    assert render(source, {"a": True}, escape=True) == "x"


WORDS = ["{{", "}}", "{{{", "}}}", "if", "each", "else", "as", "--", "../", "a", "x"]
SIGNS = '[()=|#/^~!.@>&-9²"\\ \n'


@given(st.lists(st.sampled_from([*WORDS, *SIGNS]), max_size=40).map("".join))
def test_whatever_somebody_types_is_rendered_or_refused(source: str) -> None:
    assert isinstance(check(source, {"a", "x"}), list)
    with contextlib.suppress(TemplateError):
        render_html(source, {"a": ["x", {"if": "y"}], "x": ""})


@given(st.text())
def test_escaping_leaves_no_markup(name: str) -> None:
    html = render("{{name}}", {"name": name}, escape=True)

    assert not set("<>\"'`=") & set(html)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a<script>alert(1)</script>b", "ab"),
        ('<a href="javascript:alert(1)">x</a>', "<a>x</a>"),
        ('<a href="http://example.com/">x</a>', "<a>x</a>"),
        ('<a href="/relative">x</a>', "<a>x</a>"),
        ('<p onclick="alert(1)">x</p>', "<p>x</p>"),
        ('<p style="color:red;position:fixed">x</p>', '<p style="color:red">x</p>'),
        ('<img src="data:image/png;base64,AAAA" alt="x">', '<img alt="x">'),
        ("<!-- hidden -->x", "x"),
        ("<form><input></form>x", "x"),
    ],
)
def test_dangerous_html_is_taken_out(dirty: str, clean: str) -> None:
    assert clean_html(dirty) == clean


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://example.com/?a=1&amp;b=%7B2" style="padding:14px 28px">x</a>',
        '<a href="mailto:help@example.com">x</a>',
        '<a href="tel:+4930123456">x</a>',
        '<table role="presentation" width="100%" cellpadding="0"><tbody><tr>'
        '<td class="button" bgcolor="#206bc4" style="mso-padding-alt:14px 28px">x</td>'
        "</tr></tbody></table>",
    ],
)
def test_what_a_mail_needs_survives_the_cleaning(html: str) -> None:
    assert clean_html(html) == html


def test_a_link_from_a_variable_works_only_if_it_is_https() -> None:
    source = '<a href="{{url}}">Join</a>'

    assert render_html(source, {"url": "javascript:alert(1)"}) == "<a>Join</a>"
    assert render_html(source, {"url": "https://e.com/?a=1&b='2'"}) == (
        "<a href=\"https://e.com/?a=1&amp;b='2'\">Join</a>"
    )
