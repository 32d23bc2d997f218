"""The Django project: settings, routes, servers, background work and sign-in."""

from webapp.celery import celery

__all__ = ["celery"]
