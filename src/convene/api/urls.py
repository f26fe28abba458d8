"""The addresses of the API, which views.py serves."""

from django.urls import path

from . import acting, reading
from .operation import api

__all__ = ["acting", "api", "reading"]  # the first and the last register themselves

urlpatterns = [path("api/v1/", api.urls)]
