from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TenancyConfig(AppConfig):
    name = "convene.tenancy"
    label = "tenancy"

    def ready(self) -> None:
        from . import checks  # noqa: F401  # registers itself
        from .roles import grant_to_app  # needs the models

        post_migrate.connect(grant_to_app, sender=self)
