from django.apps import AppConfig


class AppointmentsConfig(AppConfig):
    name = "convene.appointments"
    label = "appointments"

    def ready(self) -> None:
        from convene.availability import bookings  # needs the models

        from . import (
            holds,
            letters,  # noqa: F401  # registers what each kind of mail says
        )

        bookings.register(holds.booked)
