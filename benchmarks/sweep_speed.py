# SPDX-License-Identifier: MIT
"""Verdicts of a sweep against bare power-ons, both cores busy, side by side in one run.

The bare power-ons: one board a core.  The sweep: one board more, for a board that is being judged
leaves its core idle.  Every write of the environments is always in a sweep, and the board that
comes back from one has more to do; so each phase is timed for itself, and counts as much as it
would in a sweep of all operations.

`rig bench run --boards 3 -- python benchmarks/sweep_speed.py`; part of `make bench`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from statistics import median

import requests

from rig.board.walnut.service import ServiceClient
from rig.clock import SystemClock
from rig.place.place import Place
from rig.sweep.records import SweepRecords

ROOT = Path(__file__).resolve().parents[1]
CORES = 2
PLACES = tuple(ROOT / "places" / f"virtual{which}.yaml" for which in ("", "-2", "-3"))
OLD, NEW = "1.0.0", "2.0.0"
RATIO_MAX = 1.3
GROWTH_MAX = 0.1  # of the workers' memory, from the sweep's first quarter to its end
ASK_S = 0.005
GIVE_UP_S = 60.0
SAMPLE_S = 1.0
SWEEP_LIMIT_S = 1800.0


class Outlet:
    """A board's PDU and service, and nothing of the rig's around them."""

    def __init__(self, place: Place) -> None:
        self._rpc = f"{place.power.port.host}/rpc"
        self._service = ServiceClient(*place.service.address, SystemClock())

    def switch(self, *, on: bool) -> None:
        request = {"id": 1, "method": "Switch.Set", "params": {"id": 0, "on": on}}
        requests.post(self._rpc, json=request, timeout=10).raise_for_status()

    def first_answer_s(self) -> float:
        """Power the board, wait for its service's first answer, switch it off."""
        began_s = time.monotonic()
        self.switch(on=True)
        while self._service.echo(ASK_S) is None:
            if time.monotonic() - began_s > GIVE_UP_S:
                raise TimeoutError(f"no answer within {GIVE_UP_S} s of power-on")
        answered_s = time.monotonic()
        self.switch(on=False)
        return answered_s - began_s


def prepared() -> list[Outlet]:
    """Put the golden flash of the old release on a board a core: what most cuts end in."""
    outlets = []
    for path in PLACES[:CORES]:
        with Place.open(path) as place:
            place.restore(place.catalogue.release(OLD))
            outlets.append(Outlet(place))
    return outlets


def bare_s(boots: int) -> list[float]:
    """Time `boots` power-ons of each board, all of them at once."""
    outlets = prepared()

    def work(outlet: Outlet) -> list[float]:
        return [outlet.first_answer_s() for _ in range(boots)]

    with ThreadPoolExecutor(len(outlets)) as pool:
        return [time_s for times in pool.map(work, outlets) for time_s in times]


def resident_kib(folder: Path) -> int:
    """Return what all pytest workers of the sweep in `folder` hold in memory."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            if b"test_points" not in words or str(folder).encode() not in words:
                continue
            status = (process / "status").read_text()
        except OSError:  # it has ended
            continue
        total += int(status.split("VmRSS:")[1].split()[0]) if "VmRSS:" in status else 0
    return total


def core_time() -> tuple[int, int]:
    """Return how long all cores were busy and how long they were there, in ticks since boot."""
    words = Path("/proc/stat").read_text().splitlines()[0].split()
    ticks = [int(word) for word in words[1:9]]  # guests are counted in user time: proc(5)
    idle, waiting = ticks[3:5]
    return sum(ticks) - idle - waiting, sum(ticks)


@dataclass(frozen=True, slots=True)
class Phase:
    """The operations of one phase, and what a booted verdict of it took."""

    name: str
    operations: int
    boots: int
    per_verdict_s: float  # and core


def timed_phases(path: Path) -> list[Phase]:
    """Return what a verdict took in each phase; a sweep goes through them one after the other."""
    records = SweepRecords(path)
    phase_of = {item.number: item.phase for item in records.operations()}
    booted = sorted((p for p in records.points() if not p["shared"]), key=itemgetter("at_s"))
    records.close()
    at_s: dict[str, list[float]] = defaultdict(list)
    for before, point in pairwise(booted):
        at_s[phase_of[point["number"]]].append(point["at_s"] - before["at_s"])
    sizes = Counter(phase_of.values())
    return [
        Phase(name, sizes[name], len(times), CORES * sum(times) / len(times))
        for name, times in at_s.items()
    ]


def swept(points: str, folder: Path) -> tuple[list[Phase], dict[str, int], list[int], float]:
    """Sweep on all boards; return each phase's pace, counts, memory over time, cores' load."""
    words = [sys.executable, "-m", "rig.cli", "sweep", "--from", OLD, "--to", NEW]
    words += [word for place in PLACES for word in ("--place", str(place))]
    words += ["--points", points, "--kinds", "torn,after", "--long", "0", "--no-allure"]
    memory = []
    busy, there = core_time()
    give_up_s = time.monotonic() + SWEEP_LIMIT_S
    with subprocess.Popen([*words, "--report", str(folder)], stdout=sys.stderr) as child:
        while child.poll() is None:
            if time.monotonic() > give_up_s:
                child.kill()
                raise TimeoutError(f"the sweep did not end within {SWEEP_LIMIT_S:.0f} s")
            memory.append(resident_kib(folder))
            time.sleep(SAMPLE_S)
    busy_after, there_after = core_time()
    if child.returncode:
        raise SystemExit(f"the sweep ended with {child.returncode}")
    counts = json.loads((folder / "sweep.json").read_text())
    kept = {key: counts[key] for key in ("judged", "boots", "shared")}
    load = (busy_after - busy) / (there_after - there)
    return timed_phases(folder / "sweep.sqlite"), kept, memory, load


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boots", type=int, default=20, help="bare power-ons of each board")
    parser.add_argument("--points", default="100", help="of the sweep, as --points of rig sweep")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        first = bare_s(arguments.boots)
        phases, counts, memory, load = swept(arguments.points, Path(scratch).resolve())
        bare = median([*first, *bare_s(arguments.boots)])
    held = [sample for sample in memory if sample]
    early, late = held[len(held) // 4], held[-len(held) // 8]
    print(f"power-on to the service's first answer, {CORES} boards at once: {bare:.2f} s (median)")
    print(f"sweep, {len(PLACES)} boards: {counts['judged']} points, {counts['boots']} boots")
    print(f"the computer's cores were busy for {load:.0%} of its time")
    for phase in phases:
        print(
            f"  {phase.name:15} {phase.operations:5} operations, {phase.boots:4} boots:"
            f" {phase.per_verdict_s:.2f} s a boot and core"
        )
    known = sum(phase.operations for phase in phases)
    whole_s = sum(phase.operations * phase.per_verdict_s for phase in phases) / known
    print(
        f"all {known} operations: {whole_s:.2f} s a boot and core,"
        f" {60 * CORES / whole_s:.0f} boots a minute; ratio {whole_s / bare:.2f}"
        f" (at most {RATIO_MAX})"
    )
    growth = late / early - 1
    print(
        f"memory of the workers: {early / 1024:.0f} MiB early, {late / 1024:.0f} MiB late,"
        f" {growth:+.0%} (at most {GROWTH_MAX:+.0%})"
    )
    return int(whole_s / bare > RATIO_MAX or growth > GROWTH_MAX)


if __name__ == "__main__":
    sys.exit(main())
