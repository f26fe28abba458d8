from django.apps import AppConfig


class AppointmentsConfig(AppConfig):
    name = "convene.appointments"
    label = "appointments"

    def ready(self) -> None:
        from convene import settings_tabs  # needs the models
        from convene.availability import bookings

        from . import (
            holds,
            letters,  # noqa: F401  # registers what each kind of mail says
        )
        from .tabs import REMINDERS

        bookings.register(holds.booked)
        settings_tabs.register(REMINDERS)
