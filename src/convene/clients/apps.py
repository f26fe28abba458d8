from django.apps import AppConfig


class ClientsConfig(AppConfig):
    name = "convene.clients"
    label = "clients"
