"""Sandbox for files of unknown origin: what both servers decode, and with which rights."""
