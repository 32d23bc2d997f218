"""Model files on disk: packaged and converted weights, found and checked."""
