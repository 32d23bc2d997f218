"""Sign-in: accounts, providers, passwords, tokens of programs, and forms kept until it is done."""
