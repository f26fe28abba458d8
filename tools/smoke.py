"""Builds the wheels and tries them as an operator would: installed alone, on a fresh database.

`smoke.py ce` builds Convene and proves that `ee/` adds nothing to it: the same wheel, byte for
byte, comes out of a tree without that folder. `smoke.py ee` builds both and tries them together.
"""

import base64
import filecmp
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
UV = ROOT / ".tools/bin/uv"
PINS = ROOT / "requirements/dev.txt"
EE_PINS = ROOT / "requirements/ee.txt"

NOTHING: Mapping[str, str] = {}
DEVELOPMENT = {"CONVENE_MODE": "development"}
PRODUCTION = {
    "CONVENE_BASE_URL": "https://convene.example",
    "CONVENE_MAIL_FROM": "convene@convene.example",
    "CONVENE_SECRET_KEY": secrets.token_urlsafe(64),
    "CONVENE_SECRET_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "CONVENE_SMTP_URL": "smtp://mail.convene.example",
    "DATABASE_URL": "postgresql://app@database.convene.example/convene",
}


def main(edition: str) -> None:
    wheels = [build(ROOT, DIST)]
    must_hold(wheels[0], "convene/templates/", "convene/static/convene/vendor/")
    with tempfile.TemporaryDirectory(prefix="convene-smoke-") as name:
        scratch = Path(name)
        # The database server may run as another user, who must be able to enter.
        scratch.chmod(0o755)
        if edition == "ee":
            wheels.append(build(ROOT / "ee", DIST))
            must_hold(wheels[1], "convene_teams/runbook.md")
        else:
            must_build_the_same_without_ee(wheels[0], scratch)
        try_out(wheels, scratch)
    print("Built and tried:", *(wheel.relative_to(ROOT) for wheel in wheels))


def build(source: Path, into: Path) -> Path:
    """The wheel of `source`, made from its source distribution."""
    run(UV, "build", "--quiet", "--build-constraints", PINS, "--out-dir", into, source)
    return max(into.glob("*.whl"), key=lambda wheel: wheel.stat().st_mtime_ns)


def must_hold(wheel: Path, *folders: str) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder in folders:
        if not any(name.startswith(folder) for name in names):
            sys.exit(f"{wheel.name} holds nothing in {folder}.")


def must_build_the_same_without_ee(wheel: Path, scratch: Path) -> None:
    tree = scratch / "without-ee"
    left_out = ("ee", "dist", ".git", ".tools", ".venv*", ".data", "*cache*")
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*left_out))
    twin = build(tree, scratch / "dist")
    if not filecmp.cmp(wheel, twin, shallow=False):
        sys.exit(f"{wheel.name} differs when it is built without ee/.")


def try_out(wheels: list[Path], scratch: Path) -> None:
    """Install the wheels with what they ask for, then run them in development and production."""
    environment = scratch / "environment"
    ce, *plugins = wheels
    install: list[str | Path] = [UV, "pip", "install", "--quiet", "--python", environment]
    pins = [f"--constraints={file}" for file in (PINS, EE_PINS)[: len(wheels)]]
    run(UV, "venv", "--quiet", "--python", sys.executable, environment)
    run(*install, *pins, f"convene[embedded] @ {ce.as_uri()}", *plugins)

    convene = environment / "bin/convene"
    run(convene, "migrate", "--verbosity", "0", cwd=scratch, settings=DEVELOPMENT)
    run(convene, "makemigrations", "--check", "--dry-run", cwd=scratch, settings=DEVELOPMENT)
    run(convene, "check", cwd=scratch, settings=DEVELOPMENT)
    run(convene, "check", "--deploy", "--fail-level=WARNING", cwd=scratch, settings=PRODUCTION)
    run(convene, "collectstatic", "--no-input", cwd=scratch, settings=PRODUCTION)


def run(*command: str | Path, cwd: Path = ROOT, settings: Mapping[str, str] = NOTHING) -> None:
    """Run one program with these settings and none of the caller's."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CONVENE_", "DATABASE_", "DJANGO_"))
    }
    done = subprocess.run(command, cwd=cwd, env={**inherited, **settings}, check=False)
    if done.returncode:
        sys.exit(f"Failed: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main(sys.argv[1])
