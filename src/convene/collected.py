"""The files for browsers that ``convene collectstatic`` has put together for the web server."""

import filecmp
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured


def refuse_old_files() -> None:
    """Raise ImproperlyConfigured if they are missing, or are not those of the installed code.

    Development serves each file from where it is, and collects none.
    """
    root = settings.STATIC_ROOT
    if not root:
        return
    collect = "Run convene collectstatic --no-input, with the same CONVENE_STATIC_ROOT."
    if not Path(root, "staticfiles.json").exists():
        raise ImproperlyConfigured(f"There are no files for browsers in {root}. {collect}")
    if path := next(_differing(Path(root)), None):
        raise ImproperlyConfigured(
            f"The files for browsers in {root} are of another version, for example {path}."
            f" {collect}"
        )


def _differing(root: Path) -> Iterator[str]:
    """What is not there as our code ships it; what it ships no more does no harm."""
    ignored = apps.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]  # Django's own
    for finder in get_finders():
        for path, storage in finder.list(ignored):
            collected = root / path
            if not collected.exists() or not filecmp.cmp(
                storage.path(path), collected, shallow=False
            ):
                yield path
