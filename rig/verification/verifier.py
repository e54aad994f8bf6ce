# SPDX-License-Identifier: MIT
"""Measures interruptions of known length on a place, with what measures outages in campaigns."""

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rig.clock import Deadline, wall_time_s
from rig.errors import BoardError
from rig.measure.criteria import EVENT_FLOORS, EVENT_PERIODS
from rig.measure.measurement import Measurement
from rig.outage.result import Floors, Outages
from rig.outage.watch import ServiceWatch
from rig.place.place import Place
from rig.records.plain import plain
from rig.verification import last_record
from rig.verification.coverage import Trial, VerificationFinding, judge_verification
from rig.verification.interruptions import Settings, lengths
from rig.verification.reference import Reference, of_place

FLOOR_S = 5.0
FLOOR_TRIES = 3
# 1.5 floors are then below the 20 periods that an event has anyway
QUIET_PERIODS = EVENT_PERIODS / EVENT_FLOORS
PAUSE_S = 0.25  # of service before each interruption: what the floor beside it is taken from
POLL_S = 0.02
BACK_LIMIT_S = 5.0
REFERENCE_LIMIT_S = 5.0
# A view of an outage: the path whose truth it is held against
PATHS = {"traffic": "traffic", "counter": "counter", "frame loss": "traffic"}


class Verifier:
    """One verification of one place; `run` returns the record."""

    def __init__(
        self, place: Place, settings: Settings, folder: Path, say: Callable[[str], None]
    ) -> None:
        self._place = place
        self._settings = settings
        self._folder = folder
        self._say = say
        self._reference: Reference = of_place(place, settings.seed)
        self._began_s = place.clock.now()

    def _tell(self, text: str) -> None:
        self._say(f"[{self._place.clock.now() - self._began_s:6.1f} s] {text}")

    def run(self) -> dict[str, Any]:
        """Measure every length once and judge; the board keeps what it holds.

        Raises:
            BoardError: the service is not there, or does not come back by itself.
            BenchError: an instrument or the reference fails.
        """
        place, reference = self._place, self._reference
        reference.prepare()
        self._tell("booting the board")
        place.power_path.feed()
        place.boot()
        trials: list[Trial] = []
        try:
            with place.watch(self._folder / "raw") as watch:
                floors = self._floors(watch)
                instruments = {
                    **place.identify(),
                    "traffic": watch.identities()["traffic"],
                    "reference": reference.identity(),
                }
                order = lengths(self._settings)
                for number, length_s in enumerate(order, start=1):
                    fresh = self._interrupt(watch, number, length_s)
                    trials += fresh
                    self._tell(f"{number}/{len(order)}: {_shown(fresh)}")
        finally:
            reference.stop()
        finding = judge_verification(trials, self._settings.scale)
        return self._record(instruments, floors, trials, finding)

    def _floors(self, watch: ServiceWatch) -> Floors:
        """Measure the floors; again while something else keeps the computer busy."""
        for _ in range(FLOOR_TRIES):
            self._tell(f"watching the board undisturbed for {FLOOR_S:.0f} s")
            floors = watch.undisturbed(FLOOR_S)
            counter = f", counter {floors.counter_s * 1e3:.1f} ms" if floors.counter_s else ""
            self._tell(f"no-event floor: traffic {floors.traffic_s * 1e3:.1f} ms{counter}")
            if max(floors.traffic_s, floors.counter_s or 0.0) <= QUIET_PERIODS * 1e-3:
                break
        return floors

    def _interrupt(self, watch: ServiceWatch, number: int, length_s: float) -> list[Trial]:
        """Make one interruption and measure it."""
        reference, clock = self._reference, self._place.clock
        reference.arm(length_s)
        episode = watch.open(f"gap {number}")
        watch.wait(max(PAUSE_S, watch.sighted_s - clock.now()))
        if not watch.ready(episode, deadline=Deadline.after(clock, BACK_LIMIT_S)):
            raise BoardError(f"the service was silent for {BACK_LIMIT_S:.0f} s, uninterrupted")
        reference.interrupt()
        watch.wait(length_s)
        deadline = Deadline.after(clock, REFERENCE_LIMIT_S)
        while not reference.ended() and not deadline.passed:
            watch.wait(POLL_S)
        watch.close(episode)
        outages = watch.look(episode, deadline=Deadline.after(clock, BACK_LIMIT_S))
        if not outages.recovered:
            raise BoardError(
                f"the service did not answer within {BACK_LIMIT_S:.0f} s after an interruption of"
                f" {length_s:.3f} s that was none of its own"
            )
        truths = {view: reference.truth(view) for view in reference.views}
        return [
            Trial.of(view, length_s, truths[PATHS[view]], measured)
            for view, measured in _views(outages).items()
            if PATHS[view] in truths
        ]

    def _record(
        self,
        instruments: dict[str, str],
        floors: Floors,
        trials: list[Trial],
        finding: VerificationFinding,
    ) -> dict[str, Any]:
        """Return the record, docs/reference/calibration.schema.json."""
        tried = {trial.view for trial in trials}
        return {
            "format": last_record.FORMAT,
            "place": self._place.name,
            "when": dt.datetime.fromtimestamp(wall_time_s(), dt.UTC).isoformat(timespec="seconds"),
            "settings": asdict(self._settings),
            "views": [view for view in self._reference.views if view in tried],
            "instruments": instruments,
            "floors": plain(floors),
            "verdict": finding.verdict.value,
            "reasons": list(finding.reasons),
            "rows": [asdict(row) for row in finding.rows],
            "trials": [asdict(trial) for trial in trials],
        }


def _views(outages: Outages) -> dict[str, Measurement]:
    views = {"traffic": outages.traffic, "frame loss": outages.frame_loss}
    return views | ({"counter": outages.counter} if outages.counter else {})


def _shown(trials: list[Trial]) -> str:
    parts = []
    for trial in trials:
        doubt = f"± {trial.uncertainty_s * 1e3:.2f} ms"
        what = f"{trial.error_s * 1e3:+.2f} {doubt}" if trial.event else f"no loss {doubt}"
        parts.append(f"{trial.view} {what}{'' if trial.holds() else ' OUTSIDE'}")
    return f"{trials[0].true_s:.4f} s: {', '.join(parts)}"
