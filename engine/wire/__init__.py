"""Shapes on the wire: options, errors, schemas and responses."""
