"""Tokens of an identity provider: a made-up issuer on this machine, good tokens, and all the ways to make bad ones."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from incidents_api.access import tokens
from incidents_api.access.tokens import Issuer, Trust
from incidents_api.errors import NotAuthenticated, OperatorError, Unavailable
from incidents_api.model.visitor import Visitor
from tests import make
from tests.conftest import serve

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def published(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    kinds = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    kind = next((told for of, told in kinds.items() if isinstance(key, of)), OKPAlgorithm)
    return kind.to_jwk(key.public_key(), as_dict=True) | ({"kid": kid} if kid else {}) | more


class Provider:
    """An identity provider on 127.0.0.1; `answers` says what it gives for a path, `asked` what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                status, body, headers = provider.answers.get(self.path, (404, b"", {}))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/realm"
        self.answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.says("/realm/.well-known/openid-configuration", {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        self.publishes(published(RSA, "r1"), published(EC, "e1"), published(ED, "o1"))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def says(self, path: str, document: Any, status: int = 200, **headers: str) -> None:
        self.answers[path] = status, json.dumps(document).encode(), headers

    def publishes(self, *keys: dict[str, Any]) -> None:
        self.says("/realm/keys", {"keys": keys})

    def token(self, key: Any = RSA, kid: str | None = "r1", alg: str = "RS256", **claims: Any) -> str:
        now = int(time.time())
        told = {"iss": self.url, "aud": "incidents", "sub": "ana", "iat": now, "exp": now + 300, "scope": "write"}
        told = {name: value for name, value in (told | claims).items() if value is not None}
        return jwt.encode(told, key, algorithm=alg, headers={"kid": kid} if kid else {})

    def trust(self, **more: Any) -> Trust:
        return Trust(self.url, "incidents", **more)


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass for the keys of an issuer."""
    ahead = [0.0]
    real = time.monotonic
    monkeypatch.setattr(tokens.time, "monotonic", lambda: real() + ahead[0])

    def passes(seconds: float) -> None:
        ahead[0] += seconds

    return passes


def ask(issuer: Issuer, *sent: str) -> list[Any]:
    async def each() -> list[Any]:
        told: list[Any] = []
        for token in sent:
            try:
                told.append(await issuer.visitor(token))
            except (NotAuthenticated, Unavailable) as problem:
                told.append(problem)
        return told

    return asyncio.run(each())


# --- Good tokens ---------------------------------------------------------------------------------------------------


def test_a_token_says_who_asks(provider: Provider) -> None:
    issuer = Issuer(provider.trust())
    [who] = ask(issuer, provider.token(scope="openid write review wirte"))
    assert who == Visitor("ana@127.0.0.1", frozenset({"write", "review"}))
    assert who.key.startswith("oidc:")


@pytest.mark.parametrize(
    ("key", "kid", "alg"),
    [(RSA, "r1", "RS256"), (RSA, "r1", "RS512"), (RSA, "r1", "PS256"), (EC, "e1", "ES256"), (ED, "o1", "EdDSA"),
     (EC, None, "ES256")],
)  # fmt: skip
def test_every_good_kind_of_signature(provider: Provider, key: Any, kid: str | None, alg: str) -> None:
    [who] = ask(Issuer(provider.trust()), provider.token(key, kid, alg))
    assert isinstance(who, Visitor)


def test_scopes_can_have_other_names_there(provider: Provider) -> None:
    trust = provider.trust(claim="groups", scopes={"desk": "write review", "boss": "admin"})
    told = ask(
        Issuer(trust),
        provider.token(groups=["desk", "other", 7]),
        provider.token(groups="boss desk"),
        provider.token(groups=None),
        provider.token(groups=["write", "admin"]),  # theirs do not count under our names
        provider.token(groups=9),
    )
    assert [one.scopes if isinstance(one, Visitor) else one.status for one in told] == [
        {"write", "review"}, {"admin", "write", "review"}, set(), set(), set(),
    ]  # fmt: skip


def test_two_subjects_never_share_a_name(provider: Provider) -> None:
    told = ask(Issuer(provider.trust()), *(provider.token(sub=sub) for sub in ("a|b", "a/b", "a-b", "a" * 200)))
    names = [one.name for one in told]
    assert len(set(names)) == 4
    assert names[2] == "a-b@127.0.0.1"
    assert all(len(name) < 100 for name in names)


# --- Bad tokens ----------------------------------------------------------------------------------------------------


def unsigned(provider: Provider) -> str:
    head, body, _ = provider.token().split(".")
    none = jwt.utils.base64url_encode(b'{"alg":"none","typ":"JWT","kid":"r1"}').decode()
    assert head
    return f"{none}.{body}."


def with_public_key_as_secret(provider: Provider) -> str:
    """The public key of the issuer as the secret of an HMAC: what a checker that trusts `alg` would accept."""
    import hashlib
    import hmac

    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _, body, _ = provider.token().split(".")
    head = jwt.utils.base64url_encode(b'{"alg":"HS256","typ":"JWT","kid":"r1"}').decode()
    signature = hmac.new(pem, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{jwt.utils.base64url_encode(signature).decode()}"


def changed(provider: Provider) -> str:
    head, _, signature = provider.token().split(".")
    _, body, _ = provider.token(sub="eve").split(".")
    return f"{head}.{body}.{signature}"


BAD: dict[str, tuple[Callable[[Provider], str], str]] = {
    "expired": (lambda p: p.token(exp=int(time.time()) - 61), "expired"),
    "not yet": (lambda p: p.token(nbf=int(time.time()) + 120), "not valid yet"),
    "no exp": (lambda p: p.token(exp=None), "lacks"),
    "no sub": (lambda p: p.token(sub=None), "lacks"),
    "no aud": (lambda p: p.token(aud=None), "lacks"),
    "another audience": (lambda p: p.token(aud=["others", "incidents2"]), "somebody else"),
    "another issuer": (lambda p: p.token(iss="http://127.0.0.1:1/realm"), "another issuer"),
    "longer issuer": (lambda p: p.token(iss=p.url + "/"), "another issuer"),
    "another key": (lambda p: p.token(OTHER), "signature"),
    "unknown key": (lambda p: p.token(OTHER, "x9"), "does not publish"),
    "no signature": (unsigned, "not signed with one of"),
    "public key as secret": (with_public_key_as_secret, "not signed with one of"),
    "changed": (changed, "signature"),
    "key of another kind": (lambda p: p.token(EC, "r1", "ES256"), "does not publish"),
    "cut": (lambda p: p.token()[:-8], ""),
    "not json": (lambda p: "e30.e30.e30", "signed with one of"),
    "no token": (lambda p: "a.b.c", "cannot be read"),
    "a number as audience": (lambda p: p.token(aud=7), ""),
    "a list as subject": (lambda p: p.token(sub=["ana"]), ""),
    "exp is no number": (lambda p: p.token(exp="soon"), "cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_refused_and_told_what_is_wrong(
    provider: Provider, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_token, words = BAD[name]
    # The maker of tokens would refuse to make some of them.
    monkeypatch.setattr(jwt.PyJWT, "_validate_iss", lambda *_: None, raising=False)
    token = make_token(provider)
    monkeypatch.undo()
    [told] = ask(Issuer(provider.trust()), token)
    assert isinstance(told, NotAuthenticated)
    assert words in told.detail
    assert 'error="invalid_token"' in told.headers["WWW-Authenticate"]
    for part in token.split("."):
        assert len(part) < 4 or part not in told.detail
    assert "ana" not in told.detail


def test_clocks_may_differ_a_little(provider: Provider) -> None:
    now = int(time.time())
    told = ask(Issuer(provider.trust()), provider.token(exp=now - 30), provider.token(nbf=now + 30))
    assert all(isinstance(one, Visitor) for one in told)


# --- Keys ----------------------------------------------------------------------------------------------------------


def test_keys_are_asked_for_once(provider: Provider, clock: Callable[[float], None]) -> None:
    issuer = Issuer(provider.trust())
    ask(issuer, *(provider.token(sub=f"s{n}") for n in range(20)))
    assert provider.asked == ["/realm/.well-known/openid-configuration", "/realm/keys"]
    clock(tokens.FRESH_SECONDS + 1)
    ask(issuer, provider.token(), provider.token())
    assert len(provider.asked) == 4


def test_made_up_keys_do_not_make_the_service_ask_without_end(
    provider: Provider, clock: Callable[[float], None]
) -> None:
    issuer = Issuer(provider.trust())
    told = ask(issuer, *(provider.token(OTHER, f"x{n}") for n in range(50)))
    assert {one.status for one in told} == {401}
    assert len(provider.asked) == 2
    clock(tokens.PAUSE_SECONDS + 1)
    ask(issuer, provider.token(OTHER, "x"))
    assert len(provider.asked) == 4


def test_a_new_key_is_found_and_an_old_one_forgotten(provider: Provider, clock: Callable[[float], None]) -> None:
    issuer = Issuer(provider.trust())
    assert isinstance(ask(issuer, provider.token())[0], Visitor)
    provider.publishes(published(OTHER, "r2"))
    clock(tokens.PAUSE_SECONDS + 1)
    new, old = ask(issuer, provider.token(OTHER, "r2"), provider.token())
    assert isinstance(new, Visitor)
    assert isinstance(old, NotAuthenticated)


def test_an_issuer_that_does_not_answer_makes_no_token_bad(provider: Provider, clock: Callable[[float], None]) -> None:
    issuer = Issuer(provider.trust())
    keys = provider.answers.pop("/realm/keys")
    [told] = ask(issuer, provider.token())
    assert isinstance(told, Unavailable)
    assert told.headers["Retry-After"]
    provider.answers["/realm/keys"] = keys
    clock(tokens.PAUSE_SECONDS + 1)
    assert isinstance(ask(issuer, provider.token())[0], Visitor)
    # Known keys serve on for a day.
    provider.answers.clear()
    clock(tokens.KEEP_SECONDS / 2)
    known, unknown = ask(issuer, provider.token(), provider.token(OTHER, "x"))
    assert (type(known), type(unknown)) == (Visitor, Unavailable)
    clock(tokens.KEEP_SECONDS)
    assert isinstance(ask(issuer, provider.token())[0], Unavailable)


@pytest.mark.parametrize(
    "answer",
    [
        (302, b"", {"Location": "http://127.0.0.1:1/keys"}), (500, b"{}", {}), (200, b"", {}), (200, b"[]", {}),
        (200, b'{"keys": 7}', {}), (200, b'{"keys": [7]}', {}), (200, b'{"keys": []}', {}),
        (200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "r1"}]}', {}), (200, b" " * 1_000_001, {}),
    ],
)  # fmt: skip
def test_answers_that_hold_no_keys(provider: Provider, answer: tuple[int, bytes, dict[str, str]]) -> None:
    provider.answers["/realm/keys"] = answer
    [told] = ask(Issuer(provider.trust()), provider.token())
    assert isinstance(told, Unavailable)


@pytest.mark.parametrize("document", [{"issuer": "{url}", "jwks_uri": "http://127.0.0.1:1/keys"},
                                      {"issuer": "http://127.0.0.1:1", "jwks_uri": "{url}/keys"},
                                      {"issuer": "{url}", "jwks_uri": "file:///etc/passwd"}, {}])  # fmt: skip
def test_keys_come_from_the_issuer_and_from_nowhere_else(provider: Provider, document: dict[str, str]) -> None:
    told = {name: value.replace("{url}", provider.url) for name, value in document.items()}
    provider.says("/realm/.well-known/openid-configuration", told)
    assert isinstance(ask(Issuer(provider.trust()), provider.token())[0], Unavailable)
    # Unless the operator says where they are.
    assert isinstance(ask(Issuer(provider.trust(jwks_url=f"{provider.url}/keys")), provider.token())[0], Visitor)


@pytest.mark.parametrize(
    ("trust", "told"),
    [
        (Trust("http://issuer.example", "a"), "https://"),
        (Trust("https://issuer.example", "a", "http://issuer.example/keys"), "https://"),
        (Trust("https://issuer.example", ""), "INCIDENTS_OIDC_AUDIENCE"),
        (Trust("https://issuer.example", "a", scopes={"x": "wirte"}), "wirte"),
    ],
)
def test_what_cannot_be_trusted_is_told_at_the_start(trust: Trust, told: str) -> None:
    with pytest.raises(OperatorError, match=told):
        Issuer(trust)


# --- Over HTTP -----------------------------------------------------------------------------------------------------


def test_tokens_and_keys_side_by_side(store_url: str, provider: Provider) -> None:
    settings = {"oidc_issuer": provider.url, "oidc_audience": "incidents", "oidc_scopes": {"desk": "write"}}
    with serve(store_url, **settings) as client:
        from tests.conftest import key_for

        def headers(**claims: Any) -> dict[str, str]:
            return {"Authorization": f"Bearer {provider.token(**claims)}"}

        made = client.post("/v1/actors", headers=headers(scope="desk"), json=make.actor())
        assert (made.status_code, made.json()["recorded_by"]) == (201, "ana@127.0.0.1")
        lacking = client.post("/v1/actors", headers=headers(scope="write"), json=make.actor())
        assert (lacking.status_code, lacking.json()["scope"]) == (403, "write")
        expired = client.get("/v1/actors", headers=headers(exp=1))
        assert (expired.status_code, expired.json()["code"]) == (401, "not_authenticated")
        assert client.post("/v1/actors", headers=key_for(client), json=make.actor(name="B")).status_code == 201
        for wrong in ("a.b", "a.b.c", f"a.{'b' * 20_000}.c", "é.b.c"):
            assert client.get("/v1", headers={"Authorization": f"Bearer {wrong}".encode()}).status_code == 401


def test_without_an_issuer_tokens_are_no_keys(store_url: str, provider: Provider) -> None:
    with serve(store_url) as client:
        told = client.get("/v1", headers={"Authorization": f"Bearer {provider.token()}"})
        assert told.status_code == 401
        assert provider.asked == []
