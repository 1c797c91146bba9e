"""How often one client may ask: windows, what is left, and a memory that is bounded."""

import random

import pytest

from incidents_api.access import rates
from incidents_api.access.rates import Rate


def test_a_window_holds_so_many_and_then_opens_anew() -> None:
    rate = Rate(3, 60)
    told = [rate.spend("a", now) for now in (100, 101, 102, 103, 159.5, 160, 161)]
    assert [one.allowed for one in told] == [True, True, True, False, False, True, True]
    assert [one.left for one in told] == [2, 1, 0, 0, 0, 2, 1]
    assert [one.reset for one in told] == [60, 59, 58, 57, 0.5, 60, 59]


def test_clients_are_counted_apart() -> None:
    rate = Rate(1)
    assert [rate.spend(who, 0).allowed for who in "abab"] == [True, True, False, False]


def test_never_more_than_the_quota_in_a_window_whatever_the_times() -> None:
    rate, random_times = Rate(7, 10), random.Random(3)
    now, passed = 0.0, []
    for _ in range(5_000):
        now += random_times.expovariate(2)
        if rate.spend("a", now).allowed:
            passed.append(now)
    # A window begins with its first request; two of them meet, so any ten seconds hold at most two quotas.
    for n, moment in enumerate(passed):
        assert sum(moment <= other < moment + 10 for other in passed[n : n + 20]) <= 14
    assert len(passed) > 1_000


def test_memory_is_bounded_and_the_quiet_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_CLIENTS", 100)
    rate = Rate(5)
    rate.spend("quiet", 0)
    for n in range(1_000):
        rate.spend(f"client {n}", 1)
        left = rate.spend("busy", 1).left
    assert len(rate._windows) == 100
    assert left == 0
    assert "quiet" not in rate._windows
