"""Sync of the mirror with the accounts of the speech servers."""
