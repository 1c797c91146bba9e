"""Bearer tokens of an identity provider (OpenID Connect), checked against the keys that their issuer publishes."""

import asyncio
import hashlib
import http.client
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from incidents_api.errors import NotAuthenticated, OperatorError, Unavailable
from incidents_api.model import vocabulary
from incidents_api.model.visitor import Visitor

log = logging.getLogger("incidents_api")

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a public key alone: never `none`, and no HS256, for which the public key would be the secret."""
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
LEEWAY = 60
"""Seconds by which the clocks of the issuer and of this machine may differ."""
FRESH_SECONDS = 600
"""How long published keys are taken as they are."""
PAUSE_SECONDS = 30
"""How long at least between two requests for keys, whatever tokens come."""
KEEP_SECONDS = 86_400
"""How long keys are used on when the issuer cannot be reached."""
FETCH_SECONDS = 5
MAX_BYTES = 1_000_000

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="incidents", error="invalid_token"'}


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe, and what their words mean here."""

    issuer: str
    audience: str | None
    jwks_url: str | None = None
    claim: str = "scope"
    """The claim that says what its holder may do: words apart by spaces, or a list."""
    scopes: Mapping[str, str] = field(default_factory=dict)
    """Their word: ours, several apart by spaces. Empty: theirs are called as ours."""


class Issuer:
    """Tells who holds a token. Keys are fetched from the issuer alone, seldom, and kept."""

    def __init__(self, trust: Trust) -> None:
        try:
            import jwt  # noqa: PLC0415 - an extra that only tokens need
        except ImportError:
            raise OperatorError("tokens need PyJWT: pip install 'incidents-api[oidc]'") from None
        self._jwt, self._trust = jwt, trust
        if not trust.audience:
            raise OperatorError("INCIDENTS_OIDC_AUDIENCE must say for whom tokens are")
        for words in trust.scopes.values():
            unknown = set(words.split()) - set(vocabulary.codes("scope"))
            if unknown:
                raise OperatorError(f"INCIDENTS_OIDC_SCOPES names {', '.join(sorted(unknown))}, which is no scope")
        for url in filter(None, (trust.issuer, trust.jwks_url)):
            _check(url)
        self._keys: list[dict[str, Any]] = []
        self._ready: dict[tuple[Any, str], Any] = {}
        self._fetched = self._tried = float("-inf")
        self._fetching = asyncio.Lock()

    async def visitor(self, token: str) -> Visitor:
        """The holder of a token; NotAuthenticated says what is wrong with it, Unavailable that nobody can tell now."""
        jwt = self._jwt
        try:
            header = jwt.get_unverified_header(token)
            algorithm, kid = header.get("alg"), header.get("kid")
            if algorithm not in ALGORITHMS:
                raise _refused(f"it is not signed with one of {', '.join(ALGORITHMS)}")
            key = await self._key(kid, algorithm)
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._trust.audience,
                issuer=self._trust.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise _refused(_meaning(jwt, error)) from None
        except (ValueError, TypeError):
            raise _refused("it cannot be read") from None
        return self._holder(claims)

    def _holder(self, claims: Mapping[str, Any]) -> Visitor:
        subject = str(claims["sub"])
        stands_for = hashlib.sha256(f"{self._trust.issuer}\n{subject}".encode("utf-8", "replace")).hexdigest()
        plain = re.sub(r"[^\w.-]", "-", subject, flags=re.ASCII)[:60]
        # Two subjects that look alike once they are plain must not become one author.
        name = plain if plain == subject else f"{plain}-{stands_for[:8]}"
        given = claims.get(self._trust.claim, "")
        words = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
        known = set(vocabulary.codes("scope"))
        scopes = {ours for word in words if isinstance(word, str) for ours in self._ours(word).split()} & known
        return Visitor(f"{name}@{urlsplit(self._trust.issuer).hostname}", frozenset(scopes), f"oidc:{stands_for[:12]}")

    def _ours(self, word: str) -> str:
        return self._trust.scopes.get(word, "") if self._trust.scopes else word

    # --- Keys ------------------------------------------------------------------------------------------------------

    async def _key(self, kid: Any, algorithm: str) -> Any:
        """The published key of a token; asked for anew when it is unknown or the keys are old."""
        found = self._known(kid, algorithm)
        if found is None or time.monotonic() - self._fetched > FRESH_SECONDS:
            await self._refresh()
            found = self._known(kid, algorithm)
        if found is not None:
            return found
        if self._fetched < self._tried or not self._keys:
            raise Unavailable("the issuer of tokens cannot be asked now", headers={"Retry-After": str(PAUSE_SECONDS)})
        raise _refused("it is signed with a key that the issuer does not publish")

    def _known(self, kid: Any, algorithm: str) -> Any:
        """The one key of that id, ready to check with; a token without an id is taken where only one key fits it."""
        if (kid, algorithm) not in self._ready:
            fitting = [
                key
                for key in self._keys
                if key["kty"] == _KINDS[algorithm[:2]]
                and key.get("alg", algorithm) == algorithm
                and kid in (None, key.get("kid"))
            ]
            if len(fitting) != 1:
                return None
            self._ready[kid, algorithm] = self._jwt.PyJWK(fitting[0], algorithm)
        return self._ready[kid, algorithm]

    async def _refresh(self) -> None:
        """Ask for the keys, unless they were asked for a moment ago; what fails leaves the old ones for a day."""
        async with self._fetching:
            now = time.monotonic()
            if now - self._tried < PAUSE_SECONDS:
                return
            self._tried = now
            try:
                self._keys = await asyncio.to_thread(self._fetch)
                self._fetched = self._tried
                self._ready.clear()
            except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
                log.warning("the keys of the issuer cannot be fetched (%s)", type(error).__name__)
                if now - self._fetched > KEEP_SECONDS:
                    self._keys = []
                    self._ready.clear()

    def _fetch(self) -> list[dict[str, Any]]:
        issuer, address = self._trust.issuer, self._trust.jwks_url
        if address is None:
            told = _get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            address = str(told["jwks_uri"])
            if told["issuer"] != issuer or urlsplit(address)[:2] != urlsplit(issuer)[:2]:
                raise ValueError("the issuer names other addresses than its own; set INCIDENTS_OIDC_JWKS_URL")
        keys = _get(address)["keys"]
        return [dict(key) for key in keys if key.get("kty") in _KINDS.values() and key.get("use", "sig") == "sig"]


def _refused(why: str) -> NotAuthenticated:
    return NotAuthenticated(f"the token is not good: {why}", headers=_CHALLENGE)


def _meaning(jwt: Any, error: Exception) -> str:
    """What is wrong with a token, in words that hold nothing of it."""
    meanings = {
        jwt.ExpiredSignatureError: "it has expired",
        jwt.ImmatureSignatureError: "it is not valid yet",
        jwt.InvalidIssuedAtError: "it is not valid yet",
        jwt.InvalidAudienceError: "it is for somebody else (aud)",
        jwt.InvalidIssuerError: "it is of another issuer (iss)",
        jwt.InvalidSignatureError: "its signature does not fit",
        jwt.MissingRequiredClaimError: "it lacks one of exp, iss, aud, sub",
    }
    return next((told for kind, told in meanings.items() if isinstance(error, kind)), "it cannot be read")


def _check(url: str) -> None:
    """Keys come over TLS, except from this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        raise OperatorError(f"the address {url} of the issuer does not begin with https://")


def _get(url: str) -> Any:
    """A JSON document: no redirect is followed, no proxy asked, and its size and time are bounded."""
    _check(url)
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=FETCH_SECONDS)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        response = connection.getresponse()
        content = response.read(MAX_BYTES + 1)
        if response.status != 200 or len(content) > MAX_BYTES:
            raise ValueError(f"{response.status}, {len(content)} bytes")
        return orjson.loads(content)
    finally:
        connection.close()
