"""Speech servers: their keys and clients, and changes that are made there before the mirror."""
