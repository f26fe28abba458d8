from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "convene.catalog"
    label = "catalog"
