"""Errors of the model files."""


class MissingWeights(Exception):
    """The weights of a model are not on this machine: install or allow them."""
