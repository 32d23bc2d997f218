"""Django settings of both servers at once, for the type checker alone."""

from engine.settings import ENVIRONMENT as ENVIRONMENT
from webapp.settings import *  # noqa: F403
from webapp.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "engine"]
