"""A plugin that is installed works, or stops the start; it is never quietly left out."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from convene import plugins, settings_tabs
from convene.plugins import Plugin
from convene.settings_tabs import Area, SettingsTab, tabs_of
from convene.tenancy.db import tenant_atomic
from convene.tenancy.permissions import Role
from tests.make import make_member, make_tenant


class TinyPlugin(Plugin):
    name = "tiny"
    requires_convene = ">=0.1,<0.2"


class FuturePlugin(Plugin):
    name = "future"
    requires_convene = ">=99"


def entry(value: str) -> EntryPoint:
    return EntryPoint("tiny", value, plugins.GROUP)


def test_a_plugin_for_this_version_is_accepted():
    plugins.check_version(TinyPlugin)


def test_a_plugin_for_another_version_stops_the_start():
    with pytest.raises(ImproperlyConfigured, match=r"future needs convene >=99; this is convene"):
        plugins.check_version(FuturePlugin)


@pytest.mark.parametrize("value", ["no.such.module:Plugin", "convene.plugins:NoSuchClass"])
def test_a_plugin_that_cannot_be_loaded_stops_the_start(value):
    with pytest.raises(ImproperlyConfigured, match="cannot be loaded"):
        plugins.load(entry(value))


def test_something_that_is_no_plugin_stops_the_start():
    with pytest.raises(ImproperlyConfigured, match="is not a Plugin"):
        plugins.load(entry("convene.plugins:load"))


@pytest.fixture
def no_tabs(monkeypatch):
    monkeypatch.setattr(settings_tabs, "_tabs", [])


def tab(slug: str, **fields: Any) -> SettingsTab:
    plain = {
        "area": Area.INTEGRATIONS,
        "permission": "tenant_integrations:read",
        "update_permission": "tenant_integrations:update",
    }
    return SettingsTab(slug=slug, label=slug, url_name="home", **(plain | fields))


@pytest.mark.usefixtures("db", "no_tabs")
def test_a_settings_tab_is_seen_by_those_who_may_and_when_it_applies():
    tenant = make_tenant()
    admin, technician = (
        make_member(tenant, role=Role.ADMIN),
        make_member(tenant, role=Role.TECHNICIAN),
    )
    for each in (
        tab("teams"),
        tab("hours", area=Area.AVAILABILITY),
        tab("hidden", visible=lambda tenant: False),
    ):
        settings_tabs.register(each)

    with tenant_atomic(tenant):
        assert [seen.slug for seen in tabs_of(admin)] == ["hours", "teams"]
        assert tabs_of(technician) == []


@pytest.mark.usefixtures("no_tabs")
def test_two_tabs_of_a_name_are_a_mistake():
    settings_tabs.register(tab("teams"))

    with pytest.raises(ValueError, match="registered already"):
        settings_tabs.register(tab("teams"))
