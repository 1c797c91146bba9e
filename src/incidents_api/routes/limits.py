"""How much one client may take: requests a minute and exports at once; and which client a request comes from."""

import math
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import Request
from starlette.types import Scope

from incidents_api.access.rates import Rate
from incidents_api.errors import TooManyRequests, Unavailable
from incidents_api.routes.passage import Passage, passage_of

LOCAL = "local"
"""The client on this machine, whose requests are not counted: its operator, and tests."""


@dataclass(slots=True)
class Shares:
    """What the settings give each client, and what is taken now."""

    per_address: Rate
    per_key: Rate
    trusted_hops: int = 0
    max_exports: int = 8
    exports: Counter[str] = field(default_factory=Counter)

    def charge(self, request: Request, key: str | None) -> None:
        """Count a request against its key or its address, and say in headers what is left; TooManyRequests beyond."""
        client = client_of(request.scope, self.trusted_hops)
        if client == LOCAL:
            return
        name, rate, who = ("address", self.per_address, client) if key is None else ("key", self.per_key, key)
        if not rate.quota:
            return
        standing = rate.spend(who, time.monotonic())
        wait = math.ceil(standing.reset)
        passage_of(request).headers += (
            (b"ratelimit-policy", f'"{name}";q={rate.quota};w={rate.seconds}'.encode()),
            (b"ratelimit", f'"{name}";r={standing.left};t={wait}'.encode()),
        )
        if not standing.allowed:
            raise TooManyRequests(
                f"{rate.quota:,} requests in {rate.seconds} seconds are what one {name} may send; go on in {wait} s",
                headers={"Retry-After": str(wait)},
            )

    def begin_export(self, request: Request) -> None:
        """Take a place among the exports that run, until the answer has ended; one client has half of them at most."""
        passage: Passage = passage_of(request)
        if self.exports.total() >= self.max_exports:
            raise Unavailable("too many exports run at once", headers={"Retry-After": "5"})
        who = passage.key or client_of(request.scope, self.trusted_hops)
        if self.exports[who] >= math.ceil(self.max_exports / 2):
            raise TooManyRequests(
                "you have as many exports running as one client may; wait for one to end", headers={"Retry-After": "5"}
            )
        self.exports[who] += 1
        passage.ends.append(lambda: self._end_export(who))

    def _end_export(self, who: str) -> None:
        self.exports[who] -= 1
        if not self.exports[who]:
            del self.exports[who]


def shares_of(request: Request) -> Shares:
    """The shares of the application."""
    shares: Shares = request.app.state.shares
    return shares


def client_of(scope: Scope, hops: int) -> str:
    """The client's network, or LOCAL. Proxies are believed only as far as `hops` says: each adds one address."""
    if hops:
        told = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
        if told:
            given = told.split(",")
            return _network(given[-min(hops, len(given))].strip()) or "unknown"
    # A peer without an IP address is a socket of this machine.
    return _network(scope["client"][0] if scope.get("client") else "") or LOCAL


@lru_cache(4096)
def _network(text: str) -> str | None:
    """An IPv4 address, or the /64 of an IPv6 address, which one client may walk through at will; None: no address."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address: IPv4Address | IPv6Address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback:
        return LOCAL
    return str(address) if isinstance(address, IPv4Address) else str(ip_network((address, 64), strict=False))
