# SPDX-License-Identifier: MIT
"""What one step of a campaign did and cost; its outage may be measured after it has ended."""

from dataclasses import dataclass, field
from typing import Any

from rig.campaign.follower import EndedOn, UpgradeRecord
from rig.campaign.reset import Reset
from rig.clock import Deadline
from rig.errors import BenchError, SilentServiceError
from rig.faults.outcome import Outcome
from rig.instruments.rail import RailEdge
from rig.measure.measurement import Measurement
from rig.outage.event import Episode
from rig.outage.result import STALLED_SHARE, Outages
from rig.outage.watch import ServiceWatch
from rig.place.place import Place

SETTLE_LIMIT_S = 30.0
ANSWERING_S = 1.0  # a service whose last answer is older is silent
TICK_LOOK_S = 0.05  # the driver ticks a thousand times a second


@dataclass(slots=True, kw_only=True)
class StepResult:
    """What one step did and cost.  `started_at_s` is wall time, for people."""

    name: str
    wanted: str
    fault: str
    from_release: str | None = None
    to_release: str | None = None
    outcome: Outcome = Outcome.bench
    ended_on: str = ""
    upgrade: UpgradeRecord | None = None
    reset: Reset | None = None
    power_gone: Measurement | None = None  # of a power reset
    steady_s: float | None = None  # of a reset: good service right before; 0: some was not
    cut: Any = None
    edge: RailEdge | None = None  # of a cut at a mark: when the rail fell, from that line on
    flash_sha256_after_cut: str | None = None
    operations: int | None = None
    outages: Outages | None = None
    boots: int = 0
    state_before: tuple[int, int] | None = None  # state counter, sessions
    state_after: tuple[int, int] | None = None
    started_at_s: float = 0.0
    duration_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: str | None = None

    @property
    def takes_power(self) -> bool:
        """Tell whether the rig took the board's power in this step."""
        cut = self.upgrade is not None and self.upgrade.ended_on == EndedOn.cut
        return cut or (self.reset is not None and self.reset.takes_power)


@dataclass(slots=True)
class PendingStep:
    """A step whose outage may still be measured while the next one is prepared."""

    result: StepResult
    _place: Place
    _watch: ServiceWatch | None
    _episode: Episode | None

    def settle(self, limit_s: float = SETTLE_LIMIT_S) -> StepResult:
        """Wait for RFC 6412's clean window, add the outage, return the result."""
        if self._watch is None or self._episode is None:
            return self.result
        gone = ""
        try:
            deadline = Deadline.after(self._place.clock, limit_s)
            outages = self._watch.settle(self._episode, deadline=deadline)
            if not self.result.takes_power:
                _check_fed(outages)
            if not outages.recovered:
                self._place.power_path.check()
                _check_host(outages)
                _check_views(self._place, self._watch.dissent(self._episode))
                gone = _gone(self._place, outages)
        except BenchError as error:
            self.result.outcome = Outcome.bench
            self.result.error = f"{error.who}: {error}"
        else:
            self.result.outages = outages
            if not outages.recovered and self.result.outcome.good:
                self._judge_unsettled(outages, limit_s, gone)
        self._watch = None
        return self.result

    def _judge_unsettled(self, outages: Outages, limit_s: float, gone: str) -> None:
        """Judge a board that runs what it should, and whose service knows no five clean seconds."""
        if outages.serving:
            said = f"the service answers, but did not settle within {limit_s:.0f} s"
        else:
            self.result.outcome = Outcome.bricked
            said = gone
        self.result.notes.append(said)


def _check_fed(outages: Outages) -> None:
    """Raise BenchError when the board had no power for a time, and nothing here took it."""
    gone = outages.unfed
    if gone:
        raise BenchError(
            f"the board drew no current for {gone.value:.2f} ± {gone.uncertainty:.2f} s and the"
            " rig had not cut its power: look at outlet, fuse and cable of its 5 V feed, and for"
            " whoever else switches it"
        )


def _check_host(outages: Outages) -> None:
    """Raise BenchError when the rig's own computer was too busy to tell whether service is back.

    A service that has fallen silent is no such case: it does not even come and go.
    """
    busy = outages.stalled_s > STALLED_SHARE * outages.watched_s
    if busy and outages.silent_s < ANSWERING_S:
        raise BenchError(
            "the service did not settle, but the rig's own computer stood still for"
            f" {outages.stalled_s:.2f} of {outages.watched_s:.0f} s meanwhile: take work off it"
        )


def _gone(place: Place, outages: Outages) -> str:
    """Say what became of a service that did not stay up.

    Raises:
        BenchError: it is silent, and its board says that it is well.
    """
    silence = SilentServiceError("the service did not stay up", silent_s=outages.silent_s)
    if outages.silent_s >= ANSWERING_S:  # one that comes and goes has a way to the rig
        place.service_path.check(silence)
    return str(silence)


def _check_views(place: Place, dissent: str) -> None:
    """Raise BenchError when the instruments differ over a service whose driver ticks on.

    One whose driver stands still has no heartbeat to see: that is the board's own failure.
    """
    if dissent and _ticks(place):
        raise BenchError(f"the service did not settle for both instruments: {dissent}")


def _ticks(place: Place) -> bool:
    """Tell whether the driver that paces the heartbeat goes on, by the service's own word."""
    before = place.service.echo()
    place.clock.sleep(TICK_LOOK_S)
    after = place.service.echo()
    return before is not None and after is not None and after.ticks > before.ticks
