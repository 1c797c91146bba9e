"""Processes: `python -m bench.serving` starts the service on a seeded store, then lets two and four serve one store.

Two or four workers are as many processes of `incidents serve`, each with a port, as behind a proxy; the client goes
through them in turn. It has the same two cores, so what it needs is missing on theirs.
"""

import argparse
import time
from typing import Any

from bench import CACHE, load, ours, postgres, results
from bench.check import fetched
from bench.generate import data
from bench.goals import goals
from bench.hits import hits
from bench.ours import CLI, Ours
from bench.processes import Program
from bench.run import PORT
from bench.systems import Data, Request, Running
from bench.wire import spelled

CALM = 2.0
"""Seconds after the first answer at which memory is looked at."""
WORKERS = {"one_worker": 1, "two_workers": 2, "four_workers": 4}
ASKED = "list"


def start(service: Ours) -> dict[str, float]:
    """One start: seconds until the first page is answered, of them of CPU, and megabytes when nothing happens."""
    settings = service.on(PORT)
    begun = time.perf_counter()
    program = Program([*CLI, "serve"], service.folder / "log", settings)
    try:
        program.wait_for(f"http://127.0.0.1:{PORT}/v1/incidents")
        took = time.perf_counter() - begun
        running = Running("", (program.pid,))
        used = load.cpu(running)
        time.sleep(CALM)
        idle = load.memory(running)
    finally:
        program.stop()
    return {"seconds": took, "cpu_seconds": used, "idle_mb": idle / 1e6}


def seed(service: Ours) -> None:
    """Make its store of the five articles anew."""
    service.at(CACHE / "serving" / service.name)
    service.command("migrate")
    service.command("seed")


def worked(service: Ours, number: int, requests: list[bytes], connections: int, seconds: float) -> load.Load:
    """What so many processes answer over one store."""
    ports = range(PORT, PORT + number)
    programs = [Program([*CLI, "serve"], service.folder / "log", service.on(port)) for port in ports]
    try:
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        for program, url in zip(programs, urls, strict=True):
            program.wait_for(f"{url}/readyz")
            for _ in range(20):  # so that each has its statements and its pages of the file
                fetched(Running(url, ()), Request("GET", "/v1/incidents"))
        pids = (*(program.pid for program in programs), *service.servers())
        return load.drive(Running(urls[0], pids, tuple(urls[1:])), requests, connections, seconds)
    finally:
        for program in programs:
            program.stop()


def measure(made: Data, rounds: int, seconds: float, connections: int) -> Any:
    """Both on both databases."""
    told: dict[str, dict[str, list[dict[str, float]]]] = {"start": {}, "two_workers": {}, "four_workers": {}}
    try:
        for service in (ours.sqlite(), ours.postgresql()):
            seed(service)
            told["start"][service.name] = [start(service) for _ in range(rounds + 1)][1:]
            service.load(made)
            asked = [spelled(one) for hit in hits(made, ASKED) if (one := service.request(ASKED, hit)) is not None]
            for _ in range(rounds):
                found = {name: worked(service, n, asked, connections, seconds) for name, n in WORKERS.items()}
                for name in ("two_workers", "four_workers"):
                    told[name].setdefault(service.name, []).append(_figures(found[name]))
                    alone = _figures(found["one_worker"])
                    told[name].setdefault(f"{service.name}, one worker", []).append(alone)
    finally:
        postgres.SERVER.stop()
    return told


def _figures(found: load.Load) -> dict[str, float]:
    return {"rate": found.rate, "cpu": found.cpu_each, "failed": found.failed, "others": found.others}


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--size", type=int, default=300_000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=4.0)
    asked.add_argument("--connections", type=int, default=16)
    given = asked.parse_args()
    told = measure(data(given.size), given.rounds, given.seconds, given.connections)
    path = results.keep("serving", given.size, told, {})
    for name, rounds in told["start"].items():
        seconds, used, idle = (results.middle(rounds, one) for one in ("seconds", "cpu_seconds", "idle_mb"))
        print(f"{name}: {seconds:.2f} s ({used:.2f} s CPU), {idle:.0f} MB idle")
    print(results.table({name: found for name, found in told.items() if name != "start"}))
    print(results.judged(told, goals()))
    print(f"kept in {path}")


if __name__ == "__main__":
    main()
