# SPDX-License-Identifier: MIT
"""Steps on one place, one after the other: watched, recorded at once, told to whoever waits."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from rig.campaign.follower import Event
from rig.campaign.injector import Injector
from rig.campaign.reinstall import bring, rescue
from rig.campaign.reset import Reset
from rig.campaign.step import PendingStep, StepResult
from rig.clock import wall_time_s
from rig.errors import BenchError, BoardError
from rig.faults.outcome import Outcome
from rig.faults.plan import parse
from rig.outage.result import Floors, Losses
from rig.place.place import RATE_HZ, Place
from rig.place.topology import PLACE_FILE
from rig.records.run import Results
from rig.verification import last_record

FLOOR_S = 5.0
FLOOR_MAX_S = 1.0  # a bench that is silent for longer by itself would hide a process reset
PROGRESS_STEP = 20  # per cent between two lines


class Campaign:
    """Brings the place up with `first`, measures the floor, then runs steps.

    `say` is told one line of progress at a time.
    """

    def __init__(
        self,
        place: Place,
        results: Results,
        folder: Path,
        say: Callable[[str], None],
        rate_hz: float = RATE_HZ,
        *,
        require_verified: bool = False,
    ) -> None:
        self.place = place
        self.results = results
        self._say = say
        self._rate_hz = rate_hz
        self._folder = folder
        self._require_verified = require_verified
        self._watch = place.watch(folder / "raw", rate_hz, with_feed=True)
        self._injector = Injector(place, self._watch, self._tell)
        self._began_s = place.clock.now()
        self._watching = False
        self._rescue_with = next(iter(place.catalogue.releases))
        self._dead = False  # the last step ended so

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._watching:
            self._watch.__exit__(None, None, None)
        self._watching = False
        if self._dead:
            self._rescue()

    def _rescue(self) -> None:
        """Leave no dead place behind, or say that it is one."""
        release = self.place.catalogue.release(self._rescue_with)
        self._dead = not rescue(self.place, release, self.say)

    def say(self, text: str) -> None:
        self._say(f"[{self.place.clock.now() - self._began_s:6.1f} s] {text}")

    def _tell(self, event: Event) -> None:
        keys = event.keys
        if event.event == "progress":
            if int(keys.get("percent", "0")) % PROGRESS_STEP:
                return
            self.say(f"  {event.phase} {keys.get('step', '')} {keys.get('percent')} %")
        else:
            shown = " ".join(f"{key}={value}" for key, value in keys.items() if key != "bootid")
            self.say(f"  {event.phase} {event.event} {shown}".rstrip())

    def start(self, release: str) -> None:
        """Bring the board up with `release`, and measure the no-event floors.

        Raises:
            BoardError: it does not come up, or not at once.
            BenchError: the floors are so bad that nothing could be measured.
        """
        place = self.place
        golden = place.catalogue.release(release)
        self._rescue_with = release
        self.results.add_instruments(place.identify())
        described = json.dumps(place.describe(self._rate_hz), indent=2)
        (self._folder / PLACE_FILE).write_text(described, encoding="utf-8")
        boots = bring(place, golden, self.say)
        if boots > 1:
            raise BoardError(f"the golden flash of {release} needed {boots} boots to come up")
        self._watch.__enter__()
        self._watching = True
        self.results.add_instruments(self._watch.identities())
        self._check_verified()
        self.say(f"board is up; watching it undisturbed for {FLOOR_S:.0f} s")
        try:
            floors = self._watch.undisturbed(FLOOR_S)
        except BoardError as error:
            place.check_bench(error)
            raise
        self.results.add_floors(floors)
        counter = f", counter {floors.counter_s * 1e3:.1f} ms" if floors.counter_s else ""
        self.say(f"no-event floor: traffic {floors.traffic_s * 1e3:.1f} ms{counter}")
        check_floors(floors)

    def _check_verified(self) -> None:
        """Say whose numbers are not verified; each number will carry it."""
        file = self.place.file
        identities = self._watch.identities()
        standing = last_record.of_place(file, now_s=wall_time_s(), instruments=identities)
        self.results.add_verification(standing)
        if self._require_verified:
            last_record.require(file.path, standing)
        if said := standing.unverified(identities):
            self.say(said)

    def losses(self, from_s: float, until_s: float) -> Losses:
        """Return the datagrams of a span of time that were not answered."""
        return self._watch.losses(from_s, until_s)

    def need(self, release: str) -> None:
        """Bring the board to `release` before a step, whatever the one before has left.

        Raises:
            BoardError: the board is dead, and nothing here can program it.
        """
        answer = self.place.service.echo()
        if answer is not None and answer.release == release:
            return
        self.say(f"the board does not run {release}")
        bring(self.place, self.place.catalogue.release(release), self.say)
        self._dead = False

    def reset(
        self,
        name: str,
        what: Reset = Reset.power,
        off_s: float | None = None,
        steady_s: float = 0.0,
    ) -> StepResult:
        """Measure one reset (RFC 6201), after `steady_s` seconds of good service.

        Power is gone for `off_s` seconds, or as long as the place says its rail takes to fall.
        """
        off_s = self.place.power.off_s if off_s is None else off_s
        gone = f", power gone for {off_s:.1f} s" if what.takes_power else ""
        self.say(f"{name}: {what.value} reset{gone}")
        return self._record(self._injector.reset(name, what, off_s, steady_s))

    def upgrade(self, name: str, to: str, fault: str = "none") -> StepResult:
        """Move the board to release `to` under the fault plan `fault`."""
        self.say(f"{name}: to {to}, fault {fault}")
        plan = parse(fault)
        return self._record(self._injector.upgrade(name, self.place.catalogue.release(to), plan))

    @contextmanager
    def event(self, name: str) -> Iterator[StepResult]:
        """Measure what the body does to the service; the result is whole once it has ended.

        A body that fails leaves no step; one in which the board or the bench fails does.

        Raises:
            BoardError, BenchError: the board is not up before; or as the body raised it.
        """
        began_s = self.place.clock.now()
        self.say(f"{name}: an event of the test's own")
        result, episode = self._injector.begin(name)
        try:
            yield result
        except (BenchError, BoardError) as error:
            self._record(self._injector.failed(result, error))
            raise
        self._record(self._injector.end(result, episode, began_s))

    def add(self, result: StepResult) -> None:
        """Record a step that has no outage, and then judge it.

        Raises:
            BenchError: the outcome is `bench`; it says nothing about the board.
        """
        self._record(PendingStep(result, self.place, None, None))

    def _record(self, pending: PendingStep) -> StepResult:
        """Wait for the clean window, record the step, and only then judge it.

        Raises:
            BenchError: the outcome is `bench`; it says nothing about the board.
        """
        result = pending.settle()
        self.results.add_step(result)
        self._dead = result.outcome is Outcome.bricked
        outages = result.outages
        cost = ""
        if outages:
            cost = f"; outage {_shown(outages.traffic)} by traffic"
            if outages.counter:
                cost += f", {_shown(outages.counter)} by counter ({outages.agreement})"
        self.say(f"{result.name}: {result.outcome.value}, {result.ended_on}{cost}")
        if result.outcome is Outcome.bench:
            raise BenchError(result.error or "the bench failed")
        return result


def check_floors(floors: Floors) -> None:
    """Refuse to measure what could not be told from the bench's own silences.

    Raises:
        BenchError: one was longer than `FLOOR_MAX_S` while nothing happened.
    """
    longest_s = max(floors.traffic_s, floors.counter_s or 0.0)
    if longest_s > FLOOR_MAX_S:
        raise BenchError(
            f"the service was silent for {longest_s:.2f} s while nothing was done to the board, and"
            f" more than {FLOOR_MAX_S:.1f} s would hide an outage: look at what else runs on this"
            " computer, then at network and heartbeat cable; if all are well, at the board"
        )


def _shown(measured: object) -> str:
    value = getattr(measured, "value", 0.0)
    doubt = getattr(measured, "uncertainty", 0.0)
    return f"{value:.4f} ± {doubt:.4f} s" if value else f"none (resolution {doubt:.4f} s)"
