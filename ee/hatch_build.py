"""Puts into the package what the repository does not hold there: translations and the runbook.

Runs for every build. A source distribution carries the result: a wheel can be built from it.
"""

import shutil
from pathlib import Path
from typing import Any

import polib
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

RUNBOOK = Path("docs/integrations/teams-meetings-setup.md")


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        package = root / "src/convene_teams"
        for catalogue in package.glob("locale/*/LC_MESSAGES/*.po"):
            polib.pofile(catalogue).save_as_mofile(str(catalogue.with_suffix(".mo")))
        written, carried = root.parent / RUNBOOK, package / "runbook.md"
        if written.exists() or not carried.exists():
            shutil.copyfile(written, carried)
