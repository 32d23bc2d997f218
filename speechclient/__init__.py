"""A client of the Deepgram API."""
