"""What the messages of the live sockets mean, without sockets and clocks."""
