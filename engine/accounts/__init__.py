"""Accounts: projects, keys, scopes, recorded usage and the reports made of it."""
