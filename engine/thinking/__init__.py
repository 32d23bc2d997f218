"""Language models of agents: their protocols, requests to them, and the librarian."""
