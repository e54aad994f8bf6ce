# SPDX-License-Identifier: MIT
"""The long way: the real exercise, the power really cut in it; what a replay does, too."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, assert_never

from rig.board.catalogue import Release
from rig.board.walnut.service import SESSION, Mark
from rig.campaign.cutter import Cutter, recover
from rig.campaign.failure import blame
from rig.campaign.follower import EndedOn, Event, Follower
from rig.campaign.injector import Injector
from rig.campaign.step import StepResult
from rig.clock import Deadline
from rig.drivers.strategy import Status
from rig.errors import BenchError, BoardError, UsageError
from rig.faults.outcome import Facts, Outcome, judge_board
from rig.faults.plan import Cut, CutAtMark, CutAtOperation
from rig.instruments.rail import RailEdge
from rig.sweep.exercise import ANSWER_LIMIT_S, DATA_STORES, Exercise

CUT_LIMIT_S = 30.0
UPDATE_LIMIT_S = 120.0


@dataclass(slots=True, kw_only=True)
class Replayed:
    """What the cut left, and what became of the board."""

    outcome: Outcome
    release: str | None
    flash_sha256: str | None  # right after the (last) cut
    cut: Any = None
    edge: RailEdge | None = None  # of a cut at a mark: when the rail fell, from that line on
    ended_on: str = ""
    boots: int = 0
    duration_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: str | None = None


class RealCut:
    """Runs one exercise with one cut, from the old release to the verdict of the login shell.

    In the folder `keep` it leaves the flash as the cut left it, and the journal until then, if the
    place has an interposer.
    """

    def __init__(
        self,
        exercise: Exercise,
        on_event: Callable[[Event], None] | None = None,
        *,
        keep: Path | None = None,
    ) -> None:
        self._exercise = exercise
        self._place = exercise.place
        self._on_event = on_event or (lambda _: None)
        self._keep = keep

    def run(self, cut: Cut) -> Replayed:
        """Prepare, cut, judge; the board is off afterwards."""
        place = self._place
        began_s = place.clock.now()
        self._exercise.bring()
        new = self._exercise.new
        if self._exercise.stores or not isinstance(new, Release):
            match cut:
                case CutAtOperation():
                    replayed = self._guarded(cut)
                case CutAtMark():
                    what = self._exercise.what
                    raise UsageError(f"{what} has no console line to cut at, as {cut}")
                case _:
                    assert_never(cut)
        else:
            injector = Injector(place, None, self._on_event, on_cut=self._keep_flash)
            boots = self._exercise.own_boots
            replayed = _replayed(injector.upgrade(str(cut), new, cut, own_boots=boots).settle())
        replayed.duration_s = place.clock.now() - began_s
        if replayed.outcome is not Outcome.bench:
            place.strategy.transition(Status.off)
        return replayed

    def _keep_flash(self) -> None:
        """Save the flash and the journal; a nested cut's replace those of the one before."""
        if self._keep is None or self._place.interposer is None:
            return
        interposer = self._place.need("interposer")
        (self._keep / "flash.nor").write_bytes(interposer.read(0, interposer.size()))
        lines = [
            f"{item.number},{item.what},{item.offset},{item.length},{item.sha256}\n"
            for item in interposer.journal(1, interposer.count())
        ]
        (self._keep / "journal.csv").write_text("".join(lines), encoding="ascii")

    def _guarded(self, cut: CutAtOperation) -> Replayed:
        replayed = Replayed(outcome=Outcome.bench, release=None, flash_sha256=None)
        try:
            self._directly(cut, replayed)
        except (BenchError, BoardError) as error:
            replayed.outcome, replayed.error = blame(self._place, error)
            self._place.safe_off()
        return replayed

    def _directly(self, cut: CutAtOperation, replayed: Replayed) -> None:
        """Cut a run that leaves the release as it is: stores, or an update of the PROM."""
        place = self._place
        mark = place.service.mark(ANSWER_LIMIT_S)
        interposer = place.need("interposer")
        interposer.reset_count()
        interposer.arm(cut.operation, cut.kind, cut.seed)
        stores = self._exercise.stores
        promised = (self._store_until_cut if stores else self._update_until_cut)(mark, cut)
        replayed.ended_on = EndedOn.cut
        self._note_cut(replayed)
        recovery = recover(place, cut, self._on_event, lambda: self._note_cut(replayed))
        replayed.boots = recovery.boots
        held = place.service.remembered(ANSWER_LIMIT_S)
        replayed.release = held.release
        replayed.notes.append(f"promised {promised}, holds {held.value}")
        replayed.outcome = self._verdict(
            mark, held, promised, boots=recovery.boots, power_ons=len(cut.cuts)
        )
        if recovery.missed and replayed.outcome.good:  # a bad board is bad without it, too
            raise BenchError(recovery.missed)

    def _note_cut(self, replayed: Replayed) -> None:
        interposer = self._place.need("interposer")
        replayed.cut, replayed.flash_sha256 = interposer.last(), interposer.sha256()
        self._keep_flash()

    def _verdict(
        self, mark: Mark, held: Mark, promised: int, *, boots: int, power_ons: int
    ) -> Outcome:
        """Judge the board that came back: the release of before, and no promise broken.

        The service holds what it promised last, or the next, of which nothing was heard.
        """
        place = self._place
        kept = (held.value, held.counter) in {
            (promised + ahead, mark.counter + promised - mark.value + ahead)
            for ahead in ((0, 1) if self._exercise.stores else (0,))
        }
        known = place.catalogue.release(mark.release)
        return judge_board(
            Facts(
                came_back=True,
                before=mark.release,
                wanted=mark.release,
                after=held.release,
                consistent=place.software() == (known.kernel, f"{known.name} {known.kernel}"),
                state_kept=kept and held.sessions == mark.sessions,
                must_refuse=False,
                refused=False,
                boots=boots,
                boots_expected=power_ons,
            )
        )

    def _update_until_cut(self, mark: Mark, cut: CutAtOperation) -> int:
        """Update the PROM until the power goes; return the value that the service must keep."""
        place = self._place
        cutter = Cutter(place, cut, self._on_event)
        follower = Follower.of(place, cutter.see, from_start=True)
        self._exercise.start()
        ended_on = cutter.follow(follower, Deadline.after(place.clock, UPDATE_LIMIT_S))
        place.strategy.lost()
        if ended_on != EndedOn.cut:
            raise BenchError(f"{cut} never came: the update ended on {ended_on!r}")
        return mark.value

    def _store_until_cut(self, mark: Mark, cut: CutAtOperation) -> int:
        """Store value after value until the power goes; return the last that was promised."""
        place = self._place
        deadline = Deadline.after(place.clock, CUT_LIMIT_S)
        promised = mark.value
        for value in range(mark.value + 1, mark.value + 1 + DATA_STORES):
            answer = place.service.try_store(SESSION, value)
            if answer is None:
                break
            promised = answer.value
        while place.need("interposer").state() != "FIRED":
            if deadline.passed:
                raise BenchError(f"{cut} never came in {DATA_STORES} stores")
            place.clock.sleep(0.05)
        return promised


def _replayed(result: StepResult) -> Replayed:
    return Replayed(
        outcome=result.outcome,
        release=result.to_release,
        flash_sha256=result.flash_sha256_after_cut,
        cut=result.cut,
        edge=result.edge,
        ended_on=result.ended_on,
        boots=result.boots,
        notes=[*result.notes],
        error=result.error,
    )
