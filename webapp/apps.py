"""Django's declaration of the web application."""

import sys

from django.apps import AppConfig
from django.conf import settings


class WebappConfig(AppConfig):
    name = "webapp"

    def ready(self) -> None:
        """Record sign-ins, and stop the start when stored keys cannot be decrypted."""
        from management.keyfiles import UnusableKeyFile
        from management.servers.crypto import fernet
        from webapp.signin import signals  # noqa: F401 connects its receivers

        try:
            if settings.ENCRYPTION_KEY_FILE.exists():
                fernet()
        except UnusableKeyFile as error:
            sys.exit(f"Earshot cannot start: {error}")
