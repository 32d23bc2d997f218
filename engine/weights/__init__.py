"""Model files on disk: packages, checkpoints and converted graphs."""
