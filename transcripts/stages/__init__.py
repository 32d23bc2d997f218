"""Stages of a recording's jobs, run by Celery workers."""
