# SPDX-License-Identifier: MIT
"""Steps and runs as a campaign would have recorded them; no board, no bench."""

from pathlib import Path
from typing import Any

import numpy as np

from rig.campaign.follower import EndedOn, Event, UpgradeRecord
from rig.campaign.step import StepResult
from rig.faults.outcome import Outcome
from rig.measure.measurement import Measurement
from rig.measure.uncertainty import Contribution
from rig.outage.gaps import Gap
from rig.outage.result import Agreement, Floors, Outages, Settling
from rig.records.run import Results
from rig.sweep.point import Point
from rig.sweep.records import SweepRecords

# What the board said: seconds since the updater started, of an upgrade whose boot takes 5.8 s
SCRIPT = (
    (0.0, "staging", "start"),
    (34.0, "staging", "done"),
    (34.1, "run", "start"),
    (34.6, "run", "reboot"),
    (40.4, "boot", "up"),
    (41.8, "acceptance", "done"),
)


def floors() -> Floors:
    return Floors(traffic_s=0.003, counter_s=0.003, duration_s=5.0, lost=0)


def measured(name: str, value: float) -> Measurement:
    return Measurement(
        name=name,
        value=value,
        unit="s",
        uncertainty=0.002,
        source=f"a {name.rpartition('.')[2]}",
        taken_at_s=1.0,
        method="G - P",
        budget=(Contribution("datagram period", 1e-3, "triangular", "both ends"),),
    )


def settling(name: str, value: float) -> Settling:
    return Settling(time=measured(name, value), silences=0, silences_s=0.0)


def outages(value: float, raw: Path) -> Outages:
    return Outages(
        label="upgrade",
        traffic=measured("outage.traffic", value),
        counter=measured("outage.counter", value),
        frame_loss=measured("outage.traffic.frame_loss", value),
        settling=settling("settle.traffic", value),
        counter_settling=settling("settle.counter", value),
        agreement=Agreement.agree,
        loss_frames=600,
        duplicates=0,
        reordered=0,
        late=0,
        gaps=(Gap(1.0, 1.0 + value),),
        longest=Gap(1.0, 1.0 + value),
        recovered=True,
        floors=floors(),
        releases=("1.0.0", "2.0.0"),
        notes=(),
        raw=raw,
    )


def step(boot: float = 1.0, outage_s: float = 1.7, raw: Path = Path("raw.npz")) -> StepResult:
    """Return an upgrade whose boot took `boot` times as long as usual."""
    longer_s = 5.8 * (boot - 1.0)
    events = tuple(
        Event(at_s, phase, event, {}, at_s + (longer_s if at_s > 35.0 else 0.0))
        for at_s, phase, event in SCRIPT
    )
    upgrade = UpgradeRecord(
        url="http://rig/bundle.tar",
        events=events,
        ended_on=EndedOn.done,
        refused=None,
        t1_s=34.0,
        t2_s=6.3 + longer_s,
        t3_s=1.4,
        boots=1,
    )
    return StepResult(
        name="upgrade",
        wanted="2.0.0",
        fault="none",
        from_release="1.0.0",
        to_release="2.0.0",
        outcome=Outcome.new,
        ended_on="done",
        upgrade=upgrade,
        outages=outages(outage_s, raw),
        boots=1,
        started_at_s=1e9,
        duration_s=42.0,
    )


def record_into(results: Results, trials: int, *, seed: int = 1, slower: float = 0.0) -> Results:
    """Record a night of upgrades, each with raw data in the folder of `results`."""
    random = np.random.default_rng(seed)
    results.add_instruments({"counter": "a counter", "traffic": "a probe"})
    results.add_floors(floors())
    results.begin_cycle("cycle 1")
    for number in range(1, trials + 1):
        raw = Path("raw") / f"outage-{number}.npz"
        boot = (1.0 + slower) * (1.0 + 0.02 * (random.gamma(2.0) - 2.0))
        results.add_step(step(boot, 1.7 * boot, raw))
    results.finish("complete")
    return results


def recorded_night(path: Path, trials: int = 20, *, seed: int = 1, slower: float = 0.0) -> Results:
    """Return a run in a file of its own; raw data differ from trial to trial."""
    folder = path.parent / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, trials + 1):
        np.savez_compressed(folder / f"outage-{number}.npz", sent_s=np.arange(100.0) + number)
    results = Results.create(path, place="virtual", command="rig cycle")
    return record_into(results, trials, seed=seed, slower=slower)


def judge(
    records: SweepRecords, point: Point, outcome: str, record: dict[str, Any], flash: str = ""
) -> None:
    """Record the verdict on one point of a sweep; `<b>` must reach no page as it is."""
    records.judged(
        point,
        outcome=outcome,
        flash=flash,
        shared=False,
        boots=1,
        duration_s=1.0,
        record={"release": "1.0.0", "notes": ["<b>"], **record},
        owner="me",
    )
