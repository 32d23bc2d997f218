"""Calls: conversations of users with voice agents, while they run and afterwards."""
