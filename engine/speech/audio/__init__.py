"""Audio: decoding, encoding, mixing and loudness."""
