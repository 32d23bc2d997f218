"""Requests and sockets: limits, middleware, errors as pages, time zones, static files."""
