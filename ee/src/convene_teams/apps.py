from collections.abc import Iterator

from convene.plugins import Plugin


class TeamsPlugin(Plugin):
    name = "convene_teams"
    label = "teams"
    verbose_name = "Microsoft Teams"
    requires_convene = ">=0.1,<0.2"
    urls = "convene_teams.urls"

    def examine(self) -> Iterator[str]:
        from .examination import unreadable_secrets  # needs the models

        yield from unreadable_secrets()

    def ready(self) -> None:
        from convene import settings_tabs  # needs the models
        from convene.meetings import registry

        from .clouds import refuse_plain_http
        from .provider import TeamsProvider
        from .tabs import TABS

        refuse_plain_http()
        registry.register(TeamsProvider())
        for tab in TABS:
            settings_tabs.register(tab)
