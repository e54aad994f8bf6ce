# SPDX-License-Identifier: MIT
"""The short way: a board whose flash a cut has left is given power once, and judged."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rig.board.catalogue import Release
from rig.board.walnut.boot_environment import active
from rig.board.walnut.service import Mark
from rig.campaign.failure import blame
from rig.campaign.follower import EndedOn, Event, Follower
from rig.clock import Deadline
from rig.drivers.strategy import Status
from rig.errors import BenchError, BoardError
from rig.faults.outcome import Facts, Outcome, judge_board
from rig.sweep.exercise import Exercise

ANSWER_LIMIT_S = 10.0


@dataclass(slots=True, kw_only=True)
class JudgedCut:
    """What became of the board; `duration_s` is from power-on to the verdict."""

    outcome: Outcome
    release: str | None = None
    slot: str | None = None
    ended_on: str = ""
    boots: int = 0
    duration_s: float = 0.0
    held: Mark | None = None
    flash_sha256: str | None = None  # before power-on, where the long way is to agree
    notes: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)  # the board's own last words
    error: str | None = None


class CutJudge:
    """Looks at boards of one place that come back from a cut in one exercise."""

    def __init__(self, exercise: Exercise, on_event: Callable[[Event], None] | None = None) -> None:
        self._exercise = exercise
        self._place = exercise.place
        self._on_event = on_event or (lambda _: None)

    def look(self, allowed: tuple[Mark, ...], boots_expected: int = 1) -> JudgedCut:
        """Give the board power, follow it to its end, judge it, and leave it off.

        `allowed` are the states that it may hold.  A failing bench is the outcome `bench`.
        """
        place = self._place
        began_s = place.clock.now()
        try:
            trial = self._look(allowed, boots_expected)
        except (BenchError, BoardError) as error:
            outcome, said = blame(place, error)
            trial = JudgedCut(outcome=outcome, error=said)
        trial.duration_s = place.clock.now() - began_s
        if trial.outcome is Outcome.bench:
            place.safe_off()
        else:
            place.strategy.transition(Status.off)
        return trial

    def _look(self, allowed: tuple[Mark, ...], boots_expected: int) -> JudgedCut:
        place = self._place
        place.power_path.feed()
        unsafe = self.unsafe()
        follower = Follower.of(place, self._on_event)
        place.strategy.start()
        deadline = Deadline.after(place.clock, place.strategy.boot_limit_s)
        ended_on = follower.follow(deadline, lambda: False)
        if ended_on == EndedOn.failed:
            raise BoardError(f"the board gave up: {follower.events[-1].keys}")
        up = [event for event in follower.events if (event.phase, event.event) == ("boot", "up")]
        if not up:
            raise BenchError("what the board says that it runs got lost on the console")
        held = place.service.remembered(ANSWER_LIMIT_S)
        place.strategy.transition(Status.off)  # all that is asked from here on, the flash knows
        trial = JudgedCut(
            outcome=Outcome.bench,
            release=held.release,
            slot=up[-1].keys.get("slot"),
            ended_on=ended_on,
            boots=follower.boots,
            held=held,
        )
        whole = self._is_whole(trial, up[-1])
        trial.outcome = judge_board(
            Facts(
                came_back=True,
                before=self._exercise.old.name,
                wanted=self._exercise.wanted,
                after=held.release,
                consistent=whole,
                state_kept=held.state in [mark.state for mark in allowed],
                must_refuse=False,
                refused=False,
                boots=follower.boots,
                boots_expected=boots_expected,
            )
        )
        if unsafe:
            trial.notes.append(unsafe)
            trial.outcome = Outcome.silent if trial.outcome.good else trial.outcome
        if held.state not in [mark.state for mark in allowed]:
            wanted = " or ".join(str(mark.state) for mark in allowed)
            trial.notes.append(f"holds (value, counter, sessions) {held.state}, wanted {wanted}")
        return trial

    def unsafe(self) -> str:
        """Say why the cut flash is not safe, though the board may come back from it; or nothing.

        Unverified bytes must never be marked bootable: the slot that the environment names holds
        a whole release at every moment.
        """
        place = self._place
        pair = [place.flash_map.partition(name) for name in ("env", "env-redund")]
        variables = active(
            *(place.need("interposer").read(part.offset, part.size) for part in pair)
        )
        slot = "a" if variables is None else variables.get("slot")  # the built-in one names a
        likely = (self._exercise.old, self._exercise.new)  # each question reads a whole slot
        releases = sorted(place.catalogue.releases.values(), key=lambda item: item not in likely)
        if any(self._slot_holds(release, slot) for release in releases):
            return ""
        named = "no slot" if slot is None else f"slot {slot!a}"
        return f"the environment names {named}, which held no whole release after the cut"

    def _is_whole(self, trial: JudgedCut, up: Event) -> bool:
        """Tell whether kernel, root file system, service and the slot's bytes are one release."""
        known = self._place.catalogue.releases.get(trial.release or "")
        if known is None:
            trial.notes.append(f"the service says it is {trial.release}, which nobody built")
            return False
        said = (up.keys.get("release"), up.keys.get("kernel"))
        if said != (known.name, known.kernel):
            trial.notes.append(f"root file system and kernel are {said}, the service {known}")
            return False
        if not self._slot_holds(known, trial.slot):
            trial.notes.append(f"slot {trial.slot}, which it runs from, does not hold {known}")
            return False
        return True

    def _slot_holds(self, release: Release, slot: str | None) -> bool:
        place = self._place
        name = f"slot-{slot}"
        if name not in {part.name for part in place.flash_map.partitions}:
            return False  # a board may name what is not there
        partition = place.flash_map.partition(name)
        found = place.need("interposer").sha256(partition.offset, release.image_size)
        return bool(found == release.image_sha256)
