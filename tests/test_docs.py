"""The documentation names only what there is, and leaves out nothing that people rely on."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
HAS_EE = (ROOT / "ee").exists()

SETTING_READERS = {"env", "env_list", "env_int", "_required", "_database", "get"}
SETTING = re.compile(r"(CONVENE|DATABASE)_[A-Z_]+")
DOCUMENTED_ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
REFERENCE = re.compile(r"`(\w+/[^`:]+|Makefile)(?:::([^`]+))?`")
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
NOT_YET = re.compile(r"not yet \((issue \d+|a later issue)\)")


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    sources = [ROOT / "src/convene/settings.py", *(ROOT / "demo").glob("*.py")]
    if HAS_EE:
        sources += (ROOT / "ee/src").rglob("*.py")
    page = DOCS / "settings.md"
    of_ee = set(DOCUMENTED_ROW.findall(section(page, "With convene-teams")))
    documented = DOCUMENTED_ROW.findall(page.read_text())

    read = {name for source in sources for name in settings_read_in(source)}

    assert sorted(documented) == sorted(read if HAS_EE else read | of_ee)


def test_the_table_of_requirements_names_what_exists() -> None:
    missing = [
        f"{path}::{name}" if name else path
        for path, name in REFERENCE.findall((DOCS / "requirements.md").read_text())
        if (HAS_EE or not path.startswith("ee/")) and not exists(path, name)
    ]

    assert missing == []


def test_every_functional_requirement_has_its_row() -> None:
    rows = requirement_rows()

    assert [number for number in range(1, 19) if f"FR-{number}" not in rows] == []


def test_a_requirement_is_tested_or_says_when_it_will_be() -> None:
    unproven = [
        name
        for name, (tests, state) in requirement_rows().items()
        if not (NOT_YET.search(state) or (state == "done" and REFERENCE.search(tests)))
    ]

    assert unproven == []


def test_every_problem_of_teams_is_in_the_runbook() -> None:
    if not HAS_EE:
        return
    problems = class_body(ROOT / "ee/src/convene_teams/problems.py", "Problem")
    codes = [
        str(row.value.value)
        for row in problems
        if isinstance(row, ast.Assign) and isinstance(row.value, ast.Constant)
    ]
    runbook = DOCS / "integrations/teams-meetings-setup.md"

    explained = DOCUMENTED_ROW.findall(section(runbook, "When it does not work"))

    assert sorted(explained) == sorted(codes)


def test_links_between_documents_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert broken == []


def test_every_decision_is_listed_in_order() -> None:
    folder = DOCS / "decisions"
    decisions = sorted(page.name for page in folder.glob("[0-9]*.md"))

    assert LINK.findall((folder / "README.md").read_text()) == decisions
    assert [int(name[:4]) for name in decisions] == list(range(1, len(decisions) + 1))


def settings_read_in(source: Path) -> Iterator[str]:
    """Names given to a function that reads the environment."""
    for node in ast.walk(tree_of(source)):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        argument = node.args[0]
        name = argument.value if isinstance(argument, ast.Constant) else None
        if called in SETTING_READERS and isinstance(name, str) and SETTING.fullmatch(name):
            yield name


def section(page: Path, heading: str) -> str:
    """The text below a heading, up to the next one of its level."""
    _before, _heading, after = page.read_text().partition(f"\n## {heading}\n")
    return after.partition("\n## ")[0]


def requirement_rows() -> dict[str, tuple[str, str]]:
    """The tests and the state of each requirement."""
    rows = {}
    for line in (DOCS / "requirements.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0] not in {"", "No."} and set(cells[0]) != {"-"}:
            number, _what, _code, tests, state = cells
            rows[number] = (tests, state)
    return rows


def exists(path: str, name: str) -> bool:
    """Whether there is such a file, and the name in it: defined in Python, written elsewhere."""
    file = ROOT / path
    if not (file.exists() and name):
        return file.exists()
    if file.suffix != ".py":
        return name in file.read_text()
    return name in names_in(file)


@cache
def names_in(file: Path) -> frozenset[str]:
    """What a module defines, the members of its classes as `Class.member`."""
    return frozenset(defined(tree_of(file).body))


def defined(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from defined(node.body, f"{prefix}{node.name}.")
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))


def class_body(file: Path, name: str) -> list[ast.stmt]:
    found = [node for node in tree_of(file).body if isinstance(node, ast.ClassDef)]
    return next(node.body for node in found if node.name == name)


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text())
