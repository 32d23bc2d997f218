"""Audio files: storage, formats, decoding in a sandbox, fetching and names."""
