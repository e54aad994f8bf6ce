# SPDX-License-Identifier: MIT
"""A million time stamps from counter to disk, and a day of them in constant memory.

`.venv/bin/python benchmarks/stamps.py`; part of `make bench`.  Needs no bench.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rig.clock import SystemClock  # noqa: E402 # found through the line above
from rig.instruments.counter import Keysight53230A  # noqa: E402
from rig.instruments.visa import VisaLink  # noqa: E402
from rig.outage.gaps import Silences, Times  # noqa: E402
from rig.outage.raw_times import save  # noqa: E402
from rig.virtual.instruments.counter import Counter  # noqa: E402
from tests.unit.helpers.served import Served, beat  # noqa: E402

STAMPS = 1_000_000
READING_RATIO_MAX = 2.0
TRIALS = 5
TIMEOUT_S = 10.0
PERIOD_S = 1e-3
THRESHOLD_S = 20 * PERIOD_S
FASTER_MIN = 50.0
CHUNK_S = 60.0  # a part of the stream, as a watch that is not in a hurry would read it
OUTAGE_EVERY_S, OUTAGE_S = 600.0, 2.5
HOUR_S, DAY_S = 3600.0, 86400.0
GROWTH_MAX_MB = 8.0  # of a day over an hour; its stamps would be 691 MB


def stamps(number: int) -> Times:
    """Return the times of a heartbeat with a jitter of 5 µs."""
    return np.cumsum(np.random.default_rng(1).normal(PERIOD_S, 5e-6, number))


def bare_s(link: VisaLink) -> float:
    """Time what a script does: one question, pyvisa's own conversion to numbers."""
    import pyvisa  # noqa: PLC0415 # 0.3 s

    session = pyvisa.ResourceManager("@py").open_resource(
        link.resource, read_termination="\n", write_termination="\n"
    )
    session.timeout = TIMEOUT_S * 1e3
    began_s = time.perf_counter()
    found = session.query_binary_values(  # type: ignore[attr-defined] # of a message-based resource
        f"R? {STAMPS}", datatype="d", is_big_endian=True, container=np.array
    )
    took_s = time.perf_counter() - began_s
    session.close()
    if found.size != STAMPS - 1:
        raise SystemExit(f"the bare transfer read {found.size} intervals")
    return took_s


def reading_s(counter: Keysight53230A, folder: Path) -> list[float]:
    """Time the rig's way from the counter to the disk: transfer, outages, storage."""
    times = [time.perf_counter()]
    found = counter.drain()
    times.append(time.perf_counter())
    silences = Silences(THRESHOLD_S)
    silences.add(found)
    silences.outages()
    times.append(time.perf_counter())
    save(folder / "outage.npz", heartbeat_s=found)
    times.append(time.perf_counter())
    if found.size != STAMPS:
        raise SystemExit(f"the rig read {found.size} stamps")
    return list(np.diff(times))


def reading() -> bool:
    """Print both, side by side from one virtual counter; tell whether the ratio holds."""
    instrument = Counter()
    beats = stamps(STAMPS).tolist()
    bare, parts = [], []
    with Served(instrument, TIMEOUT_S) as served, tempfile.TemporaryDirectory() as scratch:
        counter = Keysight53230A(served.link, SystemClock())
        for _ in range(TRIALS):
            for way in ("bare", "rig"):
                counter.start()
                beat(instrument, beats)
                if way == "bare":
                    bare.append(bare_s(served.link))
                else:
                    parts.append(reading_s(counter, Path(scratch)))
    whole_s, ratio = median(map(sum, parts)), median(map(sum, parts)) / median(bare)
    print(f"{STAMPS} time stamps from the virtual counter, median of {TRIALS}:")
    print(f"  bare pyvisa transfer {median(bare):7.3f} s")
    print(
        f"  rig, end to end      {whole_s:7.3f} s, ratio {ratio:.2f}"
        f" (at most {READING_RATIO_MAX:g})"
    )
    for name, times in zip(
        ("transfer", "outages", "storage"), zip(*parts, strict=True), strict=True
    ):
        print(f"    {name:18} {median(times):7.3f} s")
    return ratio <= READING_RATIO_MAX


def stream(length_s: float) -> Iterator[Times]:
    """Give a stream of good answers part by part, with an outage every ten minutes."""
    chance = np.random.default_rng(1)
    for from_s in np.arange(0.0, length_s, CHUNK_S):
        times = from_s + np.arange(0.0, CHUNK_S, PERIOD_S)
        times += chance.uniform(0.0, 0.1 * PERIOD_S, times.size)
        yield times[times % OUTAGE_EVERY_S >= OUTAGE_S] if from_s else times


def analyse(length_s: float) -> None:
    """Analyse a stream and print outages found, seconds of analysis, kB of peak memory."""
    silences = Silences(THRESHOLD_S)
    took_s = 0.0
    for part in stream(length_s):
        began_s = time.perf_counter()
        silences.add(part)
        took_s += time.perf_counter() - began_s
    began_s = time.perf_counter()
    found = silences.outages()
    took_s += time.perf_counter() - began_s
    print(len(found), took_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def streaming() -> bool:
    """Print speed and memory of an hour and of a day; tell whether both hold."""
    peaks = []
    print(f"outages of a stream of {1 / PERIOD_S:.0f} stamps/s, in parts of {CHUNK_S:.0f} s:")
    faster = 0.0
    for name, length_s in (("1 h", HOUR_S), ("24 h", DAY_S)):
        words = [sys.executable, __file__, "--analyse", str(length_s)]
        told = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
        outages, took_s, peak_mb = int(told[0]), float(told[1]), int(told[2]) / 1e3
        if outages != round(length_s / OUTAGE_EVERY_S) - 1:
            raise SystemExit(f"{outages} outages found in {name}")
        faster = length_s / took_s
        peaks.append(peak_mb)
        print(
            f"  {name:5} {outages:4} outages {took_s:7.2f} s, {faster:8.0f} times faster than real"
            f" time; peak memory {peak_mb:.1f} MB"
        )
    growth_mb = peaks[1] - peaks[0]
    print(f"  (at least {FASTER_MIN:g} times faster; a day needs {growth_mb:+.1f} MB over an hour,")
    print(
        f"   at most {GROWTH_MAX_MB:g}; all its stamps would be {DAY_S / PERIOD_S * 8e-6:.0f} MB)"
    )
    return faster >= FASTER_MIN and growth_mb <= GROWTH_MAX_MB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--analyse", type=float, help="one stream of so many seconds, for ourselves"
    )
    arguments = parser.parse_args()
    if arguments.analyse:
        analyse(arguments.analyse)
        return 0
    held = [reading(), streaming()]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
