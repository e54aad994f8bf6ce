# SPDX-License-Identifier: MIT
"""The rig's own cost, as ratios side by side in one run: `make bench`.

Needs the virtual bench up (the tox environment does that) and nothing else on the computer.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.bare import Bare, bundles  # noqa: E402 # found through the line above
from rig.campaign.injector import Injector  # noqa: E402
from rig.faults.plan import parse  # noqa: E402
from rig.place.place import Place  # noqa: E402

PLACE = ROOT / "places" / "virtual.yaml"
PDU = "http://127.0.0.1:29103/rpc"
CONSOLE = "rfc2217://127.0.0.1:29101"
BUNDLE_PORT = 29110
BUNDLES = "http://10.0.2.2:29110"
OLD, NEW = "1.0.0", "2.0.0"
RATIO_MAX = 1.25
HELP_MAX_S = 0.3


def restore(timing: str) -> None:
    with Place.open(PLACE) as place:
        place.restore(place.catalogue.release(OLD))
        place.need("interposer").timing(timing)


def switch(on: bool) -> None:
    request = {"id": 1, "method": "Switch.Set", "params": {"id": 0, "on": on}}
    requests.post(PDU, json=request, timeout=10).raise_for_status()


def bare_cycles(count: int, timing: str) -> list[float]:
    """Time upgrade and downgrade by the bare script, in seconds."""
    restore(timing)
    times = []
    with bundles(ROOT / "firmware" / "out" / "releases", BUNDLE_PORT):
        bare = Bare(CONSOLE)
        switch(on=True)
        bare.log_in()
        for _ in range(count):
            began_s = time.monotonic()
            bare.update(f"{BUNDLES}/{NEW}/bundle.tar")
            bare.update(f"{BUNDLES}/{OLD}/bundle.tar")
            times.append(time.monotonic() - began_s)
        bare.close()
        switch(on=False)
    return times


def rig_cycles(count: int, folder: Path) -> tuple[list[float], list[float]]:
    """Time the same by the rig: the moves and verdicts, and with the clean windows awaited."""
    moves, whole = [], []
    with Place.open(PLACE) as place:
        place.restore(place.catalogue.release(OLD))
        place.boot()
        with place.watch(folder) as watch:
            injector = Injector(place, watch)
            for _ in range(count):
                began_s = time.monotonic()
                moved_s = 0.0
                for name in (NEW, OLD):
                    step_s = time.monotonic()
                    pending = injector.upgrade(name, place.catalogue.release(name), parse("none"))
                    moved_s += time.monotonic() - step_s
                    result = pending.settle()
                    if result.to_release != name:
                        raise SystemExit(f"the board did not reach {name}: {result.ended_on}")
                moves.append(moved_s)
                whole.append(time.monotonic() - began_s)
    return moves, whole


def help_cpu_s() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "rig.cli", "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def traffic(duration_s: float, folder: Path) -> str:
    with Place.open(PLACE) as place:
        place.restore(place.catalogue.release(OLD))
        place.boot()
        with place.watch(folder) as watch:
            floors = watch.undisturbed(duration_s)
    return (
        f"{floors.lost} of {duration_s * 1000:.0f} datagrams lost; floor: traffic "
        f"{floors.traffic_s * 1e3:.1f} ms, counter {(floors.counter_s or 0.0) * 1e3:.1f} ms"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=3, help="with flash as fast as it goes")
    parser.add_argument("--real-cycles", type=int, default=1, help="with real NOR timing")
    parser.add_argument("--traffic-s", type=float, default=60.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        # An upgrade's duration means something with the timing of a real NOR only.
        for timing, count in (("J3", arguments.real_cycles), ("NONE", arguments.cycles)):
            bare = median(bare_cycles(count, timing))
            moves, whole = rig_cycles(count, Path(scratch) / timing)
            print(f"flash timing {timing}, {count} up and down, median of a cycle:")
            print(f"  bare script          {bare:7.2f} s")
            print(
                f"  rig                  {median(whole):7.2f} s, ratio {median(whole) / bare:.2f}"
            )
            print(
                f"  … less clean windows {median(moves):7.2f} s, ratio {median(moves) / bare:.2f}"
            )
        restore("NONE")
        print(f"(the ratio is to be at most {RATIO_MAX} with real timing)")
        print(f"rig --help         {help_cpu_s():.2f} s of CPU (at most {HELP_MAX_S})")
        print(f"traffic            {traffic(arguments.traffic_s, Path(scratch) / 'traffic')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
