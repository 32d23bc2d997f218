"""Voice agents: their settings in versions, and the functions that they may call."""
