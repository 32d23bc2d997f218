"""The job queue: leases on rows and the messages that wake workers."""
