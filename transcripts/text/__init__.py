"""Transcript text: utterances, captions, tokens and times."""
