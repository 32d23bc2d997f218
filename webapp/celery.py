"""The Celery application: the doorbell and the workforce, never the queue."""

import os

from celery import Celery

from webapp.running import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

broker.use()
celery = Celery("earshot")
celery.config_from_object("django.conf:settings", namespace="CELERY")
celery.autodiscover_tasks()
