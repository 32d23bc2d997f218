"""The work of listen, read and speak, between a request and the models."""
