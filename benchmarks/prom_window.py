# SPDX-License-Identifier: MIT
"""Measure what a power cut costs in each step of a PROM update (docs/explanation/prom-update.md).

`rig bench run -- python benchmarks/prom_window.py places/virtual.yaml`
"""

import sys
from pathlib import Path

from rig.campaign.follower import Event, Follower, start
from rig.clock import Deadline
from rig.drivers.console import fresh
from rig.errors import BoardError
from rig.place.place import Place

LIMIT_S = 120.0


def update(place: Place) -> list[Event]:
    """Update the PROM of a freshly programmed board at the flash's real speed."""
    place.restore(next(iter(place.catalogue.releases.values())))
    place.boot()
    place.need("interposer").timing("J3")
    place.need("interposer").reset_count()
    follower = Follower(place.console, place.clock, lambda _: None, from_start=True)
    url = place.bundles.offer(list(place.catalogue.proms.values())[1].bundle)
    fresh(place.console)
    start(place.console, url, "walnut-update-prom")
    ended_on = follower.follow(Deadline.after(place.clock, LIMIT_S), lambda: False)
    place.need("interposer").timing("NONE")
    place.strategy.lost()
    if ended_on != "done":
        raise BoardError(f"the PROM update ended on {ended_on}")
    return follower.events


def operations(place: Place) -> dict[str, int]:
    """Count the journal's operations by step; unseal is the first, seal the last."""
    journal = place.need("interposer").journal(1, place.need("interposer").count())
    erases = sum(line.what == "ERASE" for line in journal)
    programs = len(journal) - erases
    return {"unseal": 1, "erase": erases - 1, "write": programs - 1, "verify": 0, "seal": 1}


def main() -> int:
    """Print a line a step: flash operations, seconds on the rig's clock."""
    with Place.open(Path(sys.argv[1])) as place:
        events = [event for event in update(place) if event.phase == "prom"]
        counted = operations(place)
    began_s = last_s = events[0].seen_at_s
    for step, number in counted.items():
        ended_s = max(event.seen_at_s for event in events if event.keys.get("step") == step)
        print(f"{step:8}{number:5} operations {(ended_s - last_s) * 1e3:9.0f} ms")
        last_s = ended_s
    print(f"{'window':8}{sum(counted.values()):5} operations {(last_s - began_s) * 1e3:9.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
