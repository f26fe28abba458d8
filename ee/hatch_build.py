"""Compiles the translations; the repository holds them as text. Runs for every build."""

from pathlib import Path
from typing import Any

import polib
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for catalogue in Path(self.root, "src/convene_teams/locale").glob("*/LC_MESSAGES/*.po"):
            polib.pofile(catalogue).save_as_mofile(str(catalogue.with_suffix(".mo")))
