from django.apps import AppConfig


class ScheduleConfig(AppConfig):
    name = "convene.schedule"
    label = "schedule"
