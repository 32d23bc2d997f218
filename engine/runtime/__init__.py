"""The process: threads, event loop, memory and the database connection."""
