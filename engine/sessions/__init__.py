"""State machines of live connections, without sockets and clocks."""
