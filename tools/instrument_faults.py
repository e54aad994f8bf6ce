#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn on every fault of the virtual bench's equipment, one at a time, during a step.

`make instrument-faults` runs this on the virtual bench.  None may be taken for a failure of the
board, keep the rig from coming to an end, or leave records that are not whole.  Exit code 1: one
did, or was never met.  docs/how-to/instrument-faults.md.
"""

import argparse
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rig.campaign.campaign import Campaign  # noqa: E402 # found through the line above
from rig.errors import BenchError, InstrumentError, RigError  # noqa: E402
from rig.faults.outcome import Outcome  # noqa: E402
from rig.place.place import Place  # noqa: E402
from rig.records.run import Results  # noqa: E402
from rig.report.summary import summarise  # noqa: E402
from rig.verification.interruptions import Settings  # noqa: E402
from rig.verification.verifier import Verifier  # noqa: E402
from rig.virtual import control  # noqa: E402
from rig.virtual.instruments.scpi_link import INSTRUMENT_FAULTS  # noqa: E402

PLACE = ROOT / "places" / "virtual.yaml"
OLD, NEW = "1.0.0", "2.0.0"
# A cut by the supply at a mark needs supply, PDU, counter, interposer and both lines afterwards.
PLAN, PLAN_LATE = "cut@mark:staging.write:40%", "cut@op:200/before"
FEED_V = 5.0
LIMIT_S = 480.0  # an upgrade, a boot and a settling service have 300, 90 and 30
FIRST_PROGRESS = " %"  # how a campaign's line of progress ends
INSTRUMENTS = ("supply", "counter", "interposer", "gate")
ANSWERS = "50"  # as many as are asked for: the instrument does not get well by itself
VALUES = {"delay": "0.3", "jitter": "0.3", "power-cycle": "1"}
FAULTS: dict[str, str] = {
    **{
        f"{instrument}.{fault}": VALUES.get(fault, ANSWERS)
        for instrument in INSTRUMENTS
        for fault in INSTRUMENT_FAULTS
    },
    "pdu.hang": "1",
    "pdu.lie": "1",
    "pdu.refuse": "1",
    "console.noise": "20",
    "console.printk": "10",
    "network.down": "1",
    "qemu.kill": "1",
    "nbdkit.kill": "1",
    "counter.unplug": "1",
    "counter.time-base": "1.1",
    "interposer.late": "1",
    "traffic.delay": "0.2",
    "traffic.jitter": "0.2",
    "traffic.down": "1",
}
GOOD = {outcome.value for outcome in Outcome if outcome.good} | {"measured"}
BENCH = Outcome.bench.value


class HangError(BaseException):
    """A trial went on for longer than LIMIT_S; nothing in the rig may catch this."""


@dataclass(slots=True)
class Trial:
    """What became of a step during which one fault was on."""

    fault: str
    outcome: str = ""
    who: str = "nobody"
    said: str = ""
    met: bool = False
    whole: bool = True
    took_s: float = 0.0

    @property
    def passed(self) -> bool:
        return self.met and self.whole and self.outcome in GOOD | {BENCH}

    def __str__(self) -> str:
        outcome = self.outcome if self.met else f"not met ({self.outcome})"
        mark = "ok  " if self.passed else "BAD "
        whole = "" if self.whole else "; NOT RECORDED"
        return (
            f"{mark}{self.fault:24} {outcome:22} {self.who:22} {self.took_s:5.0f} s"
            f"  {self.said[:110]}{whole}"
        )


def bench(do: str, **more: str) -> dict[str, Any]:
    return control.ask(control.default_state(), {"do": do, **more})


@contextmanager
def limited(limit_s: float) -> Iterator[None]:
    """Raise HangError in whatever holds longer, again and again until it lets go."""

    def end(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, limit_s, limit_s / 10)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def switch_on(fault: str, cue: str) -> Callable[[str], None]:
    """Return a listener that turns the fault on when the first line with `cue` is said."""
    done: list[bool] = []

    def hear(text: str) -> None:
        if cue in text and not done:
            done.append(True)
            bench("fault", name=fault, value=FAULTS[fault])

    return hear


def met() -> bool:
    """Tell whether the fault has acted on whoever used the equipment."""
    return int(bench("status")["boards"][0]["faults_met"]) > 0


def step(trial: Trial, results: Results, folder: Path) -> None:
    """Upgrade, with a power cut, under the fault."""
    fault = trial.fault
    plan = PLAN_LATE if fault == "interposer.late" else PLAN
    before = len(results.steps())
    with Place.open(PLACE) as place:
        try:
            hear = switch_on(fault, FIRST_PROGRESS)
            with Campaign(place, results, folder, hear) as campaign:
                campaign.start(OLD)
                campaign.upgrade(fault, NEW, plan)
        except BenchError:
            if len(results.steps()) == before:  # it was no step yet
                raise
        finally:  # what only switches off afterwards does not count
            trial.met = met()
    record = results.steps()[-1]
    trial.outcome = record["outcome"]
    trial.said = record["error"] or "; ".join(record["notes"])


def reference(trial: Trial, folder: Path) -> None:
    """Measure one interruption by the gate, which no upgrade needs, under the fault."""
    settings = Settings(gaps=1, from_s=0.3, to_s=0.3)
    with Place.open(PLACE) as place:
        place.restore(place.catalogue.release(OLD))
        hear = switch_on(trial.fault, "no-event floor")
        try:
            record = Verifier(place, settings, folder, hear).run()
        finally:
            trial.met = met()
    trial.outcome, trial.said = "measured", f"verification: {record['verdict']}"


def tried(fault: str, results: Results, folder: Path) -> Trial:
    """Run one trial to its end, whatever that is."""
    trial = Trial(fault)
    began_s = time.monotonic()
    before = len(results.steps())
    try:
        with limited(LIMIT_S):
            if fault.startswith("gate."):
                reference(trial, folder)
            else:
                step(trial, results, folder)
    except RigError as error:
        trial.outcome = BENCH if isinstance(error, BenchError) else type(error).__name__
        trial.said = f"{error.who}: {error}"
    except HangError:
        trial.outcome, trial.said = "hang", f"no end within {LIMIT_S:.0f} s"
    except Exception as error:  # noqa: BLE001 # a rig that stumbles is a finding, too
        traceback.print_exc()
        trial.outcome, trial.said = "crash", f"{type(error).__name__}: {error}"
    if trial.outcome not in GOOD:
        trial.who, _, said = trial.said.partition(": ")
        trial.said = said or trial.said
        trial.who = trial.who if said else "the board's developers"
    instrument, _, what = fault.partition(".")
    if what == "power-cycle":  # that it closed the connection is seen at the rig's end alone
        named = trial.said.startswith(f"{instrument} ")
        trial.met = trial.met or (trial.outcome == BENCH and named)
    trial.whole = fault.startswith("gate.") or len(results.steps()) == before + 1
    bench("fault", name="clear")
    if fault == "supply.power-cycle":
        mend_supply()
    trial.took_s = time.monotonic() - began_s
    return trial


def mend_supply() -> None:
    """Do what the lab does after a supply has restarted: it is off, at 0 V."""
    with Place.open(PLACE) as place:
        with suppress(InstrumentError):  # it tells once that it has restarted
            place.need("supply").output(False)
        place.need("supply").set_voltage(FEED_V)
        place.need("supply").output(True)


def damage(path: Path, trials: list[Trial]) -> list[str]:
    """Return what is wrong with the records that all trials have left."""
    found = []
    with sqlite3.connect(path) as database:
        (answer,) = database.execute("PRAGMA integrity_check").fetchone()
        if answer != "ok" or database.execute("PRAGMA foreign_key_check").fetchall():
            found.append(f"SQLite says: {answer}")
    results = Results.open(path)
    steps = {step["name"]: step for step in summarise(results)["steps"]}
    results.close()
    for trial in trials:
        if trial.fault.startswith("gate."):
            continue
        if trial.fault not in steps or steps[trial.fault]["outcome"] != trial.outcome:
            found.append(f"{trial.fault} was {trial.outcome}, which is not recorded")
            continue
        raw = steps[trial.fault]["raw"]
        if raw and raw["state"] != "as recorded":
            found.append(f"{trial.fault}: raw data {raw['state']}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="*", help="some of them (default: all)")
    parser.add_argument("--keep", type=Path, help="folder for the records (default: none is kept)")
    arguments = parser.parse_args()
    if unknown := set(arguments.faults) - set(FAULTS):
        raise SystemExit(f"no fault {', '.join(unknown)}; known: {', '.join(FAULTS)}")
    with tempfile.TemporaryDirectory(prefix="instrument-faults-") as scratch:
        folder = arguments.keep or Path(scratch)
        results = Results.create(
            folder / "results.sqlite", place="virtual", command="tools/instrument_faults.py"
        )
        results.begin_cycle("instrument faults")
        trials = []
        for fault in arguments.faults or FAULTS:
            trials.append(tried(fault, results, folder))
            print(trials[-1], flush=True)
        results.finish("complete")
        results.close()
        wrong = damage(folder / "results.sqlite", trials)
    print(f"\n    {'fault':24} {'outcome':22} {'who must act':22}    took  what was said")
    for trial in trials:
        print(trial)
    passed = sum(trial.passed for trial in trials)
    print(f"{passed} of {len(trials)} faults met, none taken for the board's, each to its end")
    print(f"records: {'; '.join(wrong) or 'whole'}")
    return 0 if passed == len(trials) and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
