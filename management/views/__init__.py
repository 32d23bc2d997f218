"""Pages of the settings: people, projects, the account and the audit log."""
