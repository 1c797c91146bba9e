"""Other people's software that would be used instead, each in an environment of its own."""

from bench.peers.datasette import Datasette, DatasetteNext, DatasetteSQL
from bench.peers.pocketbase import PocketBase
from bench.peers.pypgstac import Pypgstac
from bench.peers.roapi import Roapi
from bench.peers.tipg import Tipg
from bench.systems import System


def systems() -> list[System]:
    """Every peer, installed or not."""
    return [PocketBase(), Datasette(), DatasetteSQL(), DatasetteNext(), Roapi(), Tipg(), Pypgstac()]
