"""Conditional and safe requests: ETags in lists, weak and starred, HEAD as GET, CORS for reads, the Link to go on."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api.model.kinds import BY_PLURAL
from tests import make
from tests.conftest import key_for

WRITTEN = ("content-length", "last-modified", "accept-ranges")
MERGE = {"Content-Type": "application/merge-patch+json"}


def first(client: TestClient, plural: str) -> tuple[str, str]:
    """Path and ETag of the first record of a list."""
    record = client.get(f"/v1/{plural}?limit=1").json()["items"][0]
    path = f"/v1/{plural}/{record['id']}"
    return path, client.get(path).headers["etag"]


@pytest.mark.parametrize("plural", BY_PLURAL)
def test_if_none_match(seeded: TestClient, plural: str) -> None:
    path, etag = first(seeded, plural)
    for target in (path, f"{path}/revisions/1"):
        same = (
            etag,
            f"W/{etag}",
            "*",
            f'"x", {etag}',
            f' "x" ,W/"y",W/{etag} ',
            f'{etag},"z"',
            f'"x",,{etag}',
            f"{etag},",
        )
        for sent in same[:6]:
            answer = seeded.get(target, headers={"If-None-Match": sent})
            assert (answer.status_code, answer.content) == (304, b""), (target, sent, answer.text)
            assert answer.headers["etag"] == etag
            assert answer.headers["cache-control"] == "no-cache"
            assert "content-type" not in answer.headers
            head = seeded.head(target, headers={"If-None-Match": sent})
            assert (head.status_code, head.content, head.headers["etag"]) == (304, b"", etag)
        for sent in (
            '"x"',
            'W/"x"',
            '"x", "y"',
            etag.upper() if etag != etag.upper() else '"1-"',
            f'"{etag[1:-1]}x"',
            '""',
        ):
            answer = seeded.get(target, headers={"If-None-Match": sent})
            assert answer.status_code == 200, (target, sent)
            assert answer.headers["etag"] == etag
        for sent in ("x", etag[1:-1], f"{etag[:-1]}", '"a" "b"', "w/" + etag):
            answer = seeded.get(target, headers={"If-None-Match": sent})
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), (target, sent)
    # What is not there, or was ended, is told before anything else.
    nothing = seeded.get(f"/v1/{plural}/01890000-0000-7000-8000-000000000000", headers={"If-None-Match": "*"})
    assert nothing.status_code == 404


@pytest.mark.parametrize("plural", BY_PLURAL)
def test_if_match(client: TestClient, plural: str) -> None:
    key = key_for(client)
    made = client.post(f"/v1/{plural}", json=make.REPORTS[plural](), headers=key)
    path, etag = made.headers["location"], made.headers["etag"]
    member = {"incidents": "summary", "actors": "description", "locations": "aliases"}.get(plural, "note")

    def patch(sent: str | None, text: str) -> Any:
        value = [text] if plural == "locations" else text
        condition = {} if sent is None else {"If-Match": sent}
        return client.patch(path, json={member: value}, headers=key | MERGE | condition)

    assert patch(None, "a").status_code == 428
    for stale in ('"x"', '"x", "y"', f"W/{etag}", f'W/{etag}, "x"', '""'):
        answer = patch(stale, "a")
        assert (answer.status_code, answer.json()["code"]) == (412, "stale_version"), stale
        assert (answer.json()["version"], answer.json()["etag"]) == (1, etag)
        ended = client.delete(f"{path}?reason=test", headers=key | {"If-Match": stale})
        assert ended.status_code == 412
        replaced = client.put(path, json=client.get(path).json(), headers=key | {"If-Match": stale})
        assert replaced.status_code == 412
    assert client.get(path).headers["etag"] == etag
    versions = 1
    for number, sent in enumerate(('"x", {}', "{}", "*", 'W/"x" , {} ,"y"')):
        current = client.get(path).headers["etag"]
        answer = patch(sent.format(current), f"text {number}")
        versions += 1
        assert (answer.status_code, answer.json()["version"]) == (200, versions), (sent, answer.text)
        assert client.get(path).headers["etag"] == answer.headers["etag"] != current
    assert patch(etag, "too late").status_code == 412
    # A patch that changes nothing makes no version and keeps the ETag.
    current = client.get(path).headers["etag"]
    assert patch(current, "text 3").headers["etag"] == current
    assert client.delete(f"{path}?reason=test", headers=key | {"If-Match": "*"}).status_code == 204
    assert client.get(path, headers={"If-None-Match": current}).status_code == 410


def test_claims_are_added_with_and_without_if_match(client: TestClient) -> None:
    key = key_for(client)
    made = client.post("/v1/incidents", json=make.incident(), headers=key)
    path, etag = f"{made.headers['location']}/claims", made.headers["etag"]
    claims = {"claims": [make.claim(value=17)], "source": make.source(url="https://news.example/2")}
    assert client.post(path, json=claims, headers=key | {"If-Match": '"x"'}).status_code == 412
    added = client.post(path, json=claims, headers=key | {"If-Match": etag})
    assert added.status_code == 201
    assert client.post(path, json=claims, headers=key | {"If-Match": etag}).status_code == 412
    again = client.post(path, json=claims, headers=key)
    assert (again.status_code, again.json()["version"]) == (201, 3)


def targets(client: TestClient) -> list[str]:
    """Every GET route of the OpenAPI document, each with something that is there and something that is not."""
    found = []
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        if "get" not in operations:
            continue
        plural = path.split("/")[2] if path.count("/") > 1 else ""
        if plural in BY_PLURAL and "{id}" in path:
            record = first(client, plural)[0].rpartition("/")[2]
            path = path.replace("{id}", record).replace("{version}", "1")  # noqa: PLW2901
            found.append(path.replace(record, "01890000-0000-7000-8000-000000000000"))
        found.append(path.replace("{asset}", "docs.js").replace("{code}", "gone"))
        if path.startswith("/v1"):
            found.append(f"{found[-1]}?nonsense=1")
    return [*found, "/v1/incidents?limit=2", "/v1/problems/none", "/docs/none", "/none"]


def test_head_tells_what_get_tells(seeded: TestClient) -> None:
    asked = [target for target in targets(seeded) if target != "/metrics"]  # which counts these questions, too
    assert len(asked) > 40
    seeded.headers["Accept-Encoding"] = "identity"  # what is read here is as long as what was sent
    for target in asked:
        get, head = seeded.get(target), seeded.head(target)
        assert head.status_code == get.status_code, target
        assert head.content == b"", target
        told = [{name: told for name, told in one.headers.items() if name != "x-request-id"} for one in (get, head)]
        if re.match(r"/v1/\w+\.\w+$", target) and get.status_code == 200:
            # The first who asks for a file gets it while it is written, the next the written one (RFC 9110, 9.3.2).
            told = [{name: value for name, value in one.items() if name not in WRITTEN} for one in told]
        else:
            assert int(head.headers["content-length"]) == len(get.content), target
        assert told[0] == told[1], target
        assert get.headers["x-content-type-options"] == "nosniff", target
        assert get.headers["content-type"] == "application/problem+json" or get.status_code == 200, target


def test_head_of_a_write_is_not_allowed(seeded: TestClient) -> None:
    path = first(seeded, "incidents")[0]
    answer = seeded.head(f"{path}/claims")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "POST", b"")


def test_reads_may_be_asked_from_any_page(seeded: TestClient) -> None:
    origin = {"Origin": "https://map.example"}
    for target in targets(seeded):
        answer = seeded.get(target, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "*", target
        exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
        assert {"ETag", "Link", "Location", "Retry-After"} <= exposed
        assert "access-control-allow-credentials" not in answer.headers
    etag = first(seeded, "incidents")
    same = seeded.get(etag[0], headers=origin | {"If-None-Match": etag[1]})
    assert (same.status_code, same.headers["access-control-allow-origin"]) == (304, "*")
    refused = seeded.get("/v1/incidents", headers=origin | {"Authorization": "Bearer inc_x"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")


def test_preflight(seeded: TestClient) -> None:
    path = first(seeded, "incidents")[0]
    for target in ("/v1/incidents", path, "/v1/codebook", "/openapi.json"):
        for method in ("GET", "HEAD"):
            asked = {"Origin": "https://map.example", "Access-Control-Request-Method": method}
            asked["Access-Control-Request-Headers"] = "authorization,if-none-match"
            answer = seeded.options(target, headers=asked)
            assert answer.status_code == 200, (target, method, answer.text)
            assert answer.headers["access-control-allow-origin"] == "*"
            assert {"GET", "HEAD"} <= set(answer.headers["access-control-allow-methods"].replace(" ", "").split(","))
            allowed = answer.headers["access-control-allow-headers"].lower()
            assert "authorization" in allowed
            assert "if-none-match" in allowed
            assert int(answer.headers["access-control-max-age"]) > 0
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            asked = {"Origin": "https://map.example", "Access-Control-Request-Method": method}
            answer = seeded.options(target, headers=asked)
            allowed = answer.headers.get("access-control-allow-methods", "")
            assert answer.status_code >= 400 or method not in allowed, "writes are not for pages of others"


def test_link_says_what_next_says(seeded: TestClient) -> None:
    every = {plural: seeded.get(f"/v1/{plural}?limit=1000").json()["items"] for plural in BY_PLURAL}
    for plural, whole in every.items():
        for asked in ("limit=1", "limit=2&count=exact", "limit=3&sort=-recorded_at", "limit=2&sort=recorded_at"):
            url, seen = f"/v1/{plural}?{asked}", []
            while url is not None:
                answer = seeded.get(url)
                assert answer.status_code == 200, answer.text
                page = answer.json()
                seen += page["items"]
                assert answer.headers.get("link") == (f'<{page["next"]}>; rel="next"' if page["next"] else None)
                assert page.get("total", len(whole)) == len(whole)
                url = page["next"]
            assert len(seen) == len(whole), (plural, asked)
            assert {record["id"] for record in seen} == {record["id"] for record in whole}
    path = first(seeded, "incidents")[0]
    history = seeded.get(f"{path}/revisions?limit=1")
    assert ("link" in history.headers) == (history.json()["next"] is not None)
