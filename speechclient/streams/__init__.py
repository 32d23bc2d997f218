"""Sessions of the live sockets, without sockets and clocks."""
