"""WebSocket consumers: frames in, session events out."""
