from django.apps import AppConfig


class AvailabilityConfig(AppConfig):
    name = "convene.availability"
    label = "availability"

    def ready(self) -> None:
        from convene import settings_tabs  # needs the models

        from .tabs import TABS

        for tab in TABS:
            settings_tabs.register(tab)
