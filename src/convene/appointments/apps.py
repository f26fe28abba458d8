from django.apps import AppConfig


class AppointmentsConfig(AppConfig):
    name = "convene.appointments"
    label = "appointments"

    def ready(self) -> None:
        from . import letters  # noqa: F401  # registers what each kind of mail says
