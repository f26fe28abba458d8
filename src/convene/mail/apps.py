from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "convene.mail"
    label = "mail"
