from convene.plugins import Plugin


class TeamsPlugin(Plugin):
    name = "convene_teams"
    label = "teams"
    verbose_name = "Microsoft Teams"
    requires_convene = ">=0.1,<0.2"

    def ready(self) -> None:
        from convene.meetings import registry  # needs the models

        from .clouds import refuse_plain_http
        from .provider import TeamsProvider

        refuse_plain_http()
        registry.register(TeamsProvider())
