"""Plugins: installed distributions that name a class under the entry point ``convene.plugins``.

A plugin that is installed but broken stops the start with a clear error; the product never runs
quietly without it.
"""

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points, version

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLResolver, include, path
from packaging.specifiers import SpecifierSet

GROUP = "convene.plugins"


class Plugin(AppConfig):
    """The base of a plugin's application."""

    requires_convene: str
    """The versions of Convene it works with, for example ">=0.1,<0.2"."""
    urls = ""
    """Dotted path of its staff pages, mounted under ``x/<label>/`` of each tenant; "" for none."""

    def examine(self) -> Iterator[str]:
        """For ``convene doctor``: a sentence for each thing of its own that is wrong."""
        yield from ()


def installed_apps() -> Iterator[str]:
    """The dotted paths of all plugins, for INSTALLED_APPS. Raises ImproperlyConfigured."""
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        check_version(load(entry))
        yield entry.value.replace(":", ".")


def load(entry: EntryPoint) -> type[Plugin]:
    """The plugin's class. Raises ImproperlyConfigured for anything else."""
    try:
        plugin = entry.load()
    except (ImportError, AttributeError) as error:
        raise ImproperlyConfigured(f"The plugin {entry.value} cannot be loaded: {error}") from error
    if not (isinstance(plugin, type) and issubclass(plugin, Plugin)):
        raise ImproperlyConfigured(f"The plugin {entry.value} is not a Plugin.")
    return plugin


def check_version(plugin: type[Plugin]) -> None:
    """Refuse a plugin made for another version of Convene."""
    ours = version("convene")
    if ours not in SpecifierSet(plugin.requires_convene, prereleases=True):
        raise ImproperlyConfigured(
            f"The plugin {plugin.name} needs convene {plugin.requires_convene};"
            f" this is convene {ours}."
        )


def plugin_urls() -> Iterator[URLResolver]:
    """The staff pages of all plugins."""
    for plugin in apps.get_app_configs():
        if isinstance(plugin, Plugin) and plugin.urls:
            yield path(f"x/{plugin.label}/", include(plugin.urls))
