"""Django's declaration of the speech account application."""

from django.apps import AppConfig


class ManagementConfig(AppConfig):
    name = "management"
