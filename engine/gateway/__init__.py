"""Checks made before every request: credentials, limits, bodies and routes."""
