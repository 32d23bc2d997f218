"""Local speech models: audio, recognition, diarization and synthesis."""
