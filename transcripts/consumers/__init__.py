"""Sockets of the live pages."""
