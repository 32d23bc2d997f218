"""The engine in the box: Deepgram's wire protocol on local models."""
