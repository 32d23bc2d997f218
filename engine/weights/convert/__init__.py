"""Conversion of packaged weights into the files that the engine opens; run at installation."""
