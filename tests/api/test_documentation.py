"""docs/api.md names what there is, all of it, and the tour uses what it names."""

import re
from pathlib import Path

from convene.api.urls import api

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()
BEGIN = "/api/v1/{tenant}"


def operations() -> set[tuple[str, str]]:
    return {
        (path.removeprefix(BEGIN), method.upper())
        for path, found in api.schema["paths"].items()
        for method in found
    }


def test_the_table_lists_every_operation_and_no_other():
    listed = {
        (path, method)
        for paths, method in re.findall(r"^\| (`/[^|]+`) \| (GET|POST) \|", PAGE, re.MULTILINE)
        for path in re.findall(r"`([^`]+)`", paths)
    }

    assert listed == operations()


def test_the_tour_calls_only_what_there_is():
    called = re.findall(r'"\$API(/[^"?]+)[^"]*"([^\n]*)', PAGE)
    used = {
        (re.sub(r"\$[A-Z]+", "{pk}", path), "POST" if "--data" in more else "GET")
        for path, more in called
    }

    assert len(used) > 5
    assert used <= operations()


def test_the_document_of_the_api_says_nothing_of_any_tenant():
    assert {path for path in api.schema["paths"] if not path.startswith(BEGIN)} == set()
    assert "northwind" not in str(api.schema)
