"""Diarization: voiceprints and their clusters."""
