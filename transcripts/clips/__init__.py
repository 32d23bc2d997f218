"""Spoken text: voices, pieces of a long text, streams and files."""
