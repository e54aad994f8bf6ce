# SPDX-License-Identifier: MIT
"""One step of a campaign: move the board, break it as planned, say how it came out.

A fault is an outcome, never an exception; a failing bench is the outcome `bench`, and the board
is left off.  So is a good board whose planned cut never came: it says nothing of that cut.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from rig.board.catalogue import Release
from rig.campaign.cutter import Cutter, arm, recover
from rig.campaign.failure import blame
from rig.campaign.follower import EndedOn, Event, Follower, UpgradeRecord, start
from rig.campaign.reset import Reset, reset_os, reset_power, reset_process, steady
from rig.campaign.step import PendingStep, StepResult
from rig.clock import Deadline, wall_time_s
from rig.drivers.console import fresh
from rig.errors import BenchError, BoardError
from rig.faults.outcome import Facts, judge_board
from rig.faults.plan import BadBundlePlan, CutAtMark, CutAtOperation, NoFault, Plan
from rig.outage.event import LEAD_S, Episode
from rig.outage.watch import ServiceWatch
from rig.place.place import Place

if TYPE_CHECKING:
    from rig.board.walnut.service import Mark

STORE_LIMIT_S = 10.0
UPGRADE_LIMIT_S = 300.0


class Injector:
    """Runs steps on one place under one watch; without a watch no outage is measured.

    `on_cut` is called while a cut board is off, its flash as the cut left it.
    """

    def __init__(
        self,
        place: Place,
        watch: ServiceWatch | None,
        on_event: Callable[[Event], None] | None = None,
        *,
        on_cut: Callable[[], None] | None = None,
    ) -> None:
        self._place = place
        self._watch = watch
        self._on_cut = on_cut or (lambda: None)
        self._on_event = on_event or (lambda _: None)
        self._mark: Mark | None = None

    def upgrade(
        self,
        name: str,
        to: Release,
        plan: Plan,
        *,
        limit_s: float = UPGRADE_LIMIT_S,
        own_boots: int = 0,
    ) -> PendingStep:
        """Offer `to` (or the plan's bad bundle) to the running board and break it as planned.

        `own_boots`: so many boots the move has of its own, as a rollback does, whenever it is cut.
        """
        result = StepResult(name=name, wanted=to.name, fault=str(plan))
        return self._guarded(result, lambda: self._upgrade(result, to, plan, limit_s, own_boots))

    def reset(self, name: str, what: Reset, off_s: float, steady_s: float = 0.0) -> PendingStep:
        """Reset the board's service, system or power (RFC 6201), this for `off_s` seconds.

        Right before it the service is watched for `steady_s` seconds: RFC 6201 asks for 15.
        """
        result = StepResult(name=name, wanted="", fault="none", reset=what)
        return self._guarded(result, lambda: self._reset(result, what, off_s, steady_s))

    def begin(self, name: str) -> tuple[StepResult, Episode | None]:
        """Store a value that must survive, and begin an event that somebody else makes.

        Raises:
            BoardError, BenchError: the board is not up, or the service not good.
        """
        place = self._place
        result = StepResult(name=name, wanted="", fault="none", started_at_s=wall_time_s())
        place.boot()
        self._state_before(result)
        if self._watch:
            result.steady_s = steady(self._watch, place.clock, LEAD_S)
        return result, self._watch.open(name) if self._watch else None

    def end(self, result: StepResult, episode: Episode | None, began_s: float) -> PendingStep:
        """End that event: the board must be up with whatever release it chose, its state kept."""

        def act() -> Episode | None:
            self._place.boot()
            result.wanted = self._place.service.remembered(STORE_LIMIT_S).release
            result.ended_on = "the test's end"
            self._verdict(result, NoFault(), cut=True)
            if self._watch and episode:
                self._watch.close(episode)
            return episode

        pending = self._guarded(result, act)
        result.duration_s = self._place.clock.now() - began_s
        return pending

    def failed(self, result: StepResult, error: BenchError | BoardError) -> PendingStep:
        """Say whose failure it was, and leave the board off."""
        result.outcome, result.error = blame(self._place, error)
        self._place.safe_off()
        return PendingStep(result, self._place, None, None)

    def _guarded(self, result: StepResult, act: Callable[[], Episode | None]) -> PendingStep:
        """Turn a failing board into `bricked`, a failing bench into `bench`; keep the record."""
        place = self._place
        began_s = place.clock.now()
        result.started_at_s = result.started_at_s or wall_time_s()
        episode: Episode | None = None
        try:
            episode = act()
        except (BenchError, BoardError) as error:
            self.failed(result, error)
        except BaseException:
            place.safe_off()
            raise
        result.duration_s = place.clock.now() - began_s
        return PendingStep(result, place, self._watch if episode else None, episode)

    def _upgrade(
        self, result: StepResult, to: Release, plan: Plan, limit_s: float, own_boots: int
    ) -> Episode | None:
        place = self._place
        place.boot()
        self._state_before(result)
        bundle = _bundle(place, to, plan)
        deadline = Deadline.after(place.clock, limit_s)
        interposer = place.interposer
        if interposer:
            interposer.reset_count()
        arm(place, plan)
        episode = self._watch.open(result.name) if self._watch else None
        cutter = Cutter(place, plan, self._on_event)
        follower = Follower.of(place, cutter.see, from_start=True)
        url = place.bundles.offer(bundle)
        fresh(place.console)
        start(place.console, url)
        ended_on = cutter.follow(follower, deadline, self._tend)
        result.edge = cutter.edge
        result.upgrade = follower.record(url, ended_on)
        place.strategy.lost()
        result.boots = follower.boots
        if interposer:
            result.operations = interposer.count()
        result.ended_on = _ended_on(result)
        missed = self._after_cut(result, plan) if ended_on == EndedOn.cut else _missed(result, plan)
        if interposer:
            interposer.disarm()
        self._verdict(result, plan, cut=ended_on == EndedOn.cut, own_boots=own_boots)
        if self._watch and episode:
            self._watch.close(episode)
        if missed and result.outcome.good:  # a bad board is bad without the cut, too
            raise BenchError(missed)
        return episode

    def _tend(self) -> None:
        if self._watch:
            self._watch.tend()

    def _after_cut(self, result: StepResult, plan: Plan) -> str:
        """Note what the cut left in the flash and let the board recover, which may be cut, too.

        Return which nested cut never came, or nothing.
        """
        match plan:
            case CutAtMark():
                if result.edge is None:
                    why = "when the rail fell was not measured: the place has no supply"
                    result.notes.append(why)
            case NoFault() | CutAtOperation() | BadBundlePlan():
                pass
            case _:
                assert_never(plan)
        self._note_cut(result)
        recovery = recover(self._place, plan, self._on_event, lambda: self._note_cut(result))
        result.boots += recovery.boots
        return recovery.missed

    def _note_cut(self, result: StepResult) -> None:
        interposer = self._place.interposer
        if interposer:
            result.cut = interposer.last()
            result.flash_sha256_after_cut = interposer.sha256()
        self._on_cut()

    def _reset(
        self, result: StepResult, what: Reset, off_s: float, steady_s: float
    ) -> Episode | None:
        place = self._place
        place.boot()
        # The store makes the board write its flash, and stand still for some 20 ms: not an event.
        self._state_before(result)
        result.wanted = result.from_release or ""
        if self._watch:
            result.steady_s = steady(self._watch, place.clock, max(steady_s, LEAD_S))
        episode = self._watch.open(result.name) if self._watch else None
        match what:
            case Reset.process:
                reset_process(place)
            case Reset.os:
                result.boots = reset_os(place, self._on_event)
            case Reset.power:
                result.boots, result.power_gone = reset_power(place, off_s, self._on_event)
            case _:
                assert_never(what)
        result.ended_on = f"{what.value} reset"
        self._verdict(result, NoFault(), cut=True)
        if self._watch and episode:
            self._watch.close(episode)
        return episode

    def _state_before(self, result: StepResult) -> None:
        """Store a value that must survive, and note who answers."""
        self._mark = self._place.service.mark(STORE_LIMIT_S)
        result.from_release = self._mark.release
        result.state_before = (self._mark.counter, self._mark.sessions)

    def _verdict(self, result: StepResult, plan: Plan, *, cut: bool, own_boots: int = 0) -> None:
        """Look at the board that came back, and judge."""
        place = self._place
        if not cut:
            place.boot()
        held = place.service.remembered(STORE_LIMIT_S)
        result.to_release = held.release
        result.state_after = (held.counter, held.sessions)
        kernel, identity = place.software()
        known = place.catalogue.releases.get(held.release)
        consistent = known is not None and identity == f"{held.release} {known.kernel}"
        upgrade = result.upgrade
        moved = upgrade is not None and upgrade.ended_on in {
            EndedOn.done,
            EndedOn.fallback,
            EndedOn.up,
        }
        facts = Facts(
            came_back=True,
            before=result.from_release or "",
            wanted=result.wanted,
            after=held.release,
            consistent=bool(consistent and known and kernel == known.kernel),
            state_kept=self._mark is not None and held.state == self._mark.state,
            must_refuse=_must_refuse(plan),
            refused=upgrade is not None and upgrade.refused is not None,
            boots=result.boots,
            boots_expected=_power_ons(plan) + max(_committed(upgrade), own_boots)
            if cut
            else int(moved),
        )
        result.outcome = judge_board(facts)
        if not consistent or kernel != (known.kernel if known else None):
            result.notes.append(f"runs kernel {kernel}, root file system {identity}")


def _missed(result: StepResult, plan: Plan) -> str:
    """Name the cut that an uncut upgrade was to have; nothing when the plan has none."""
    match plan:
        case NoFault() | BadBundlePlan():
            return ""
        case CutAtOperation() | CutAtMark():
            done = result.operations
            count = "" if done is None else f" after {done} flash operations"
            return f"{plan} never came: the board ended on {result.ended_on!r}{count}"
        case _:
            assert_never(plan)


def _power_ons(plan: Plan) -> int:
    """Return how often the power comes back: after each cut, or after a reset."""
    match plan:
        case CutAtOperation():
            return len(plan.cuts)
        case NoFault() | CutAtMark() | BadBundlePlan():
            return 1
        case _:
            assert_never(plan)


def _must_refuse(plan: Plan) -> bool:
    match plan:
        case BadBundlePlan():
            return True
        case NoFault() | CutAtOperation() | CutAtMark():
            return False
        case _:
            assert_never(plan)


def _committed(upgrade: UpgradeRecord | None) -> int:
    """Return 1 when the board had already rebooted into the new release before the cut."""
    return int(upgrade is not None and upgrade.boots > 0)


def _ended_on(result: StepResult) -> str:
    upgrade = result.upgrade
    if upgrade is None or upgrade.ended_on in {EndedOn.refused, EndedOn.failed}:
        last = upgrade.events[-1] if upgrade and upgrade.events else None
        reason = last.keys.get("reason", "") if last else ""
        return f"{upgrade.ended_on if upgrade else ''} {reason}".strip()
    return upgrade.ended_on


def _bundle(place: Place, to: Release, plan: Plan) -> Path:
    match plan:
        case BadBundlePlan():
            return place.catalogue.bundle(plan.bundle).bundle
        case NoFault() | CutAtOperation() | CutAtMark():
            place.catalogue.verify(to)
            return to.bundle
        case _:
            assert_never(plan)
