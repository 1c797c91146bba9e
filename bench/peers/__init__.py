"""Other people's software that would be used instead, each in an environment of its own."""

from bench.systems import System


def systems() -> list[System]:
    """Every peer, installed or not."""
    return []
