# SPDX-License-Identifier: MIT
"""Hold a run's outages against a packet capture that was taken beside it.

    python tools/capture.py record FILE [--port 29107] [--interface lo]    # until SIGTERM or Ctrl-C
    python tools/capture.py compare RUN FILE [--port 29107]

`record` runs tcpdump (Debian's; needs the right to capture) on the datagrams of the board's
service.  `compare` takes nothing from the rig but what the run states and when its steps were: the
capture's own longest silence of answers is what each stated interval has to cover.
Exit code of `compare`: 0 all well, 1 what is stated is contradicted, 3 it could not be judged.
"""

import argparse
import json
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dpkt
import numpy as np
from numpy.typing import NDArray

from rig.measure.statistics import clopper_pearson, median

CLOCK = ".clock.json"  # beside the capture: how the wall clock of its stamps and the rig's agree
HEAD = struct.Struct(">4s4xQ")  # magic and sequence, docs/reference/service-protocol.md
MAGIC = {b"WRQ1", b"WRA1"}
LATE_S = 0.02
ASKED_SHARE = 0.95  # of the intervals that have to cover
MEDIAN_SHARE = 0.05  # by which the medians may differ


@dataclass(frozen=True)
class Capture:
    """Datagrams of one probe: when each was asked and answered, seconds of the rig's clock."""

    asked_s: dict[int, float]
    answered_s: NDArray[np.float64]  # every answer
    in_time_s: NDArray[np.float64]  # first answers that took no longer than LATE_S


def offset_s() -> float:
    """Return wall time less the clock of the rig (CLOCK_MONOTONIC), seconds."""
    before_s, wall_s, after_s = time.monotonic(), time.time(), time.monotonic()
    return wall_s - (before_s + after_s) / 2


def record(file: Path, port: int, interface: str) -> int:
    """Capture until told to end."""
    command = ["tcpdump", "-i", interface, "-n", "-s", "128", "-B", "16384"]
    command += ["--time-stamp-precision", "nano", "-w", str(file), "udp", "port", str(port)]
    began = offset_s()
    try:
        process = subprocess.Popen(command)
    except FileNotFoundError:
        print("there is no tcpdump: install Debian's package of that name", file=sys.stderr)
        return 3
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.terminate())
    code = process.wait()
    clock = {"begin_s": began, "end_s": offset_s()}
    file.with_name(file.name + CLOCK).write_text(json.dumps(clock), encoding="utf-8")
    return code


def datagrams(file: Path, port: int) -> Iterator[tuple[float, bool, int, bytes]]:
    """Give wall time, whether it is an answer, the client's port, and what it holds."""
    with file.open("rb") as stream:
        reader = dpkt.pcap.Reader(stream)
        link = {1: dpkt.ethernet.Ethernet, 113: dpkt.sll.SLL}[reader.datalink()]
        for at_s, frame in reader:
            udp = link(frame).data.data
            answer = udp.sport == port
            yield float(at_s), answer, udp.dport if answer else udp.sport, bytes(udp.data)


def read(file: Path, port: int) -> Capture:
    """Read the datagrams of the busiest client: the probe."""
    clock = json.loads(file.with_name(file.name + CLOCK).read_text(encoding="utf-8"))
    found: dict[int, list[tuple[float, bool, int]]] = {}
    for at_s, answer, client, data in datagrams(file, port):
        if len(data) >= HEAD.size:
            magic, number = HEAD.unpack_from(data)
            if magic in MAGIC:
                found.setdefault(client, []).append((at_s - clock["begin_s"], answer, number))
    probe = max(found.values(), key=len, default=[])
    asked_s = {number: at_s for at_s, answer, number in probe if not answer}
    answers = [(at_s, number) for at_s, answer, number in probe if answer]
    in_time: dict[int, float] = {}
    for at_s, number in answers:
        if number in asked_s and at_s - asked_s[number] <= LATE_S:
            in_time.setdefault(number, at_s)
    return Capture(
        asked_s,
        np.sort([at_s for at_s, _ in answers]),
        np.sort(list(in_time.values())),
    )


def longest_s(times_s: NDArray[np.float64], from_s: float, to_s: float) -> float:
    """Return the longest silence that began in a span of time."""
    first, last = np.searchsorted(times_s, (from_s, to_s))
    return float(np.max(np.diff(times_s[first : last + 1]), initial=0.0))


def rows(run: Path, capture: Capture) -> Iterator[dict[str, Any]]:
    """Give each step with what it states and what the capture shows."""
    for step in json.loads((run / "summary.json").read_text(encoding="utf-8"))["steps"]:
        if not step["raw"] or step["raw"]["state"] != "as recorded":
            continue
        with np.load(run / step["raw"]["file"]) as raw:
            from_s, to_s = float(raw["opened_s"]) - 1.0, float(raw["received_s"].max())
        yield {
            "name": step["name"],
            "outage": step["outage"],
            "settle": step.get("settle"),
            "capture_s": longest_s(capture.answered_s, from_s, to_s),
            "in_time_s": longest_s(capture.in_time_s, from_s, to_s),
        }


def compare(run: Path, file: Path, port: int) -> int:
    """Print a line a step, then how many intervals cover, and the medians."""
    found = list(rows(run, read(file, port)))
    code = 0 if found else 3
    for view in ("traffic", "counter"):
        seen = [row for row in found if row["outage"][view]]
        if not seen:
            print(f"{view}: nothing to judge")
            continue
        held = 0
        for row in seen:
            value, doubt = row["outage"][view]["value_s"], row["outage"][view]["uncertainty_s"]
            covers = abs(value - row["capture_s"]) <= doubt
            held += covers
            print(
                f"{row['name']:20} {view:8} {value:9.4f} ± {doubt:.4f} s, capture"
                f" {row['capture_s']:9.4f} s (in time {row['in_time_s']:9.4f}),"
                f" {row['outage']['agreement']}{'' if covers else ', NOT COVERED'}"
            )
        share = clopper_pearson(held, len(seen))
        stated = median([row["outage"][view]["value_s"] for row in seen])
        true = median([row["capture_s"] for row in seen])
        print(
            f"{view}: {held} of {len(seen)} intervals cover the capture's longest silence"
            f" ({held / len(seen):.1%}; 95 %: {share.low:.1%} … {share.high:.1%});"
            f" median {stated:.4f} s, capture {true:.4f} s ({stated / true - 1:+.2%})"
        )
        if (share.high or 1.0) < ASKED_SHARE or abs(stated / true - 1) > MEDIAN_SHARE:
            code = 1
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=29107)
    parser.add_argument("--interface", default="lo")
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("record").add_argument("file", type=Path)
    comparing = what.add_parser("compare")
    comparing.add_argument("run", type=Path)
    comparing.add_argument("file", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "record":
        return record(arguments.file, arguments.port, arguments.interface)
    return compare(arguments.run, arguments.file, arguments.port)


if __name__ == "__main__":
    sys.exit(main())
