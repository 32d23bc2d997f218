"""Session of ``/v1/agent/converse``: listen, think, speak. No Django, no I/O and no clock."""
