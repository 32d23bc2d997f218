"""Replays: the caller of a saved call again, against another version of an agent."""
