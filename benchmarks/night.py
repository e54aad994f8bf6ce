# SPDX-License-Identifier: MIT
"""Reports of a night of 2000 trials: at most 30 s, no page above 10 MB.  Needs no bench.

The night is whole: upgrades and resets, place.json for the RFC reports, and a raw file of each
trial, whose hash the reports give.  JSON is for programs: no limit, but its size is printed.  It
grows with what is stated of each uncertainty; the trials here name one contribution (rfc7654.json
3 MB), with seven to each view it was 13 MB.

.venv/bin/python benchmarks/night.py [--trials N]
"""

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rig.campaign.reset import Reset, power_gone  # noqa: E402
from rig.place.topology import PLACE_FILE  # noqa: E402
from rig.records.run import Results  # noqa: E402
from rig.report.build import build  # noqa: E402 # found through the line above
from tests.unit.helpers.recorded import recorded_night, step  # noqa: E402
from tests.unit.report.test_rfc import PLACE  # noqa: E402

LIMIT_S, LIMIT_MB = 30.0, 10.0
RESETS = 0.3  # of the trials


def record(folder: Path, trials: int) -> None:
    """Record a night in `folder`: upgrades first, then resets, each kind in turn."""
    resets = round(RESETS * trials)
    recorded_night(folder / "results.sqlite", trials - resets).close()
    (folder / PLACE_FILE).write_text(json.dumps(PLACE), encoding="utf-8")
    raw = sorted((folder / "raw").iterdir())
    results = Results.open(folder / "results.sqlite")
    for number in range(resets):
        what = tuple(Reset)[number % len(Reset)]
        upgrade = step(raw=raw[number % len(raw)].relative_to(folder))
        trial = dataclasses.replace(upgrade, reset=what, upgrade=None, to_release="1.0.0")
        if what.takes_power:
            trial.power_gone = power_gone((1.0, 1.1), (16.0, 16.1), "a supply", 17.0)
        results.add_step(trial)
    results.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "night"
        began_s = time.monotonic()
        record(folder, trials)
        recorded_s = time.monotonic() - began_s
        began_s = time.monotonic()
        build(folder, print, allure=False)
        took_s = time.monotonic() - began_s
        sizes_mb = {
            path.name: path.stat().st_size / 1e6
            for path in sorted(folder.iterdir())
            if path.is_file()
        }
    each_ms = recorded_s / trials * 1e3
    print(f"{trials} trials: recorded in {recorded_s:.1f} s ({each_ms:.1f} ms each)")
    print(f"  reports       {took_s:6.1f} s   {took_s / LIMIT_S:4.0%} of the limit, {LIMIT_S:g} s")
    pages_mb = {name: size for name, size in sizes_mb.items() if name.endswith(".html")}
    for name, size in sizes_mb.items():
        limit = f"{size / LIMIT_MB:4.0%} of the limit, {LIMIT_MB:g} MB" if name in pages_mb else ""
        print(f"  {name:14}{size:6.2f} MB  {limit}".rstrip())
    missing = {"index.html", "rfc7654.html", "rfc6201.html"} - pages_mb.keys()
    if missing:
        print(f"  not made: {', '.join(sorted(missing))}")
    return 1 if missing or took_s > LIMIT_S or max(pages_mb.values()) > LIMIT_MB else 0


if __name__ == "__main__":
    sys.exit(main())
