"""Live sessions: audio as it comes, captions as they are recognised, the recording at the end."""
