"""Pages of the library, uploads, search and recordings."""
