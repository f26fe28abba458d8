from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "convene.mail"
    label = "mail"

    def ready(self) -> None:
        from convene import settings_tabs  # needs the models

        from .tabs import TEXTS

        settings_tabs.register(TEXTS)
