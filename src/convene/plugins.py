"""Plugins: installed distributions that name a class under the entry point ``convene.plugins``.

A plugin that is installed but broken stops the start with a clear error; the product never runs
quietly without it.
"""

from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from packaging.specifiers import SpecifierSet

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "convene.plugins"


class Plugin(AppConfig):
    """The base of a plugin's application."""

    requires_convene: str
    """The versions of Convene it works with, for example ">=0.1,<0.2"."""
    urls: str = ""
    """Dotted path of its URLs, mounted under ``x/<label>/``; "" for none."""


def installed_apps() -> "Iterator[str]":
    """The dotted paths of all plugins, for INSTALLED_APPS. Raises ImproperlyConfigured."""
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        yield entry.value.replace(":", ".")


def check_versions(plugins: "list[Plugin]") -> None:
    """Refuse to start with a plugin made for another version of Convene."""
    ours = version("convene")
    for plugin in plugins:
        if ours not in SpecifierSet(plugin.requires_convene, prereleases=True):
            raise ImproperlyConfigured(
                f"The plugin {plugin.name} needs convene {plugin.requires_convene};"
                f" this is convene {ours}."
            )
