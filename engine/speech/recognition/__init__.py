"""Speech recognition: voice activity, windows, decoding and words with times."""
