"""Text: formatting, redaction, search, entities and intelligence."""
