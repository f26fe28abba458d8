from django.apps import AppConfig


class AvailabilityConfig(AppConfig):
    name = "convene.availability"
    label = "availability"
