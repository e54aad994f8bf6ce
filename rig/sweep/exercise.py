# SPDX-License-Identifier: MIT
"""What a sweep cuts into: runs that write to the flash, each the same operations every time."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from rig.board.catalogue import Prom, Release
from rig.board.walnut.service import SESSION, Mark
from rig.campaign.follower import EndedOn, Event, Follower, start
from rig.campaign.reinstall import bring
from rig.clock import Deadline
from rig.drivers.console import fresh
from rig.drivers.strategy import Status
from rig.errors import BoardError, UsageError
from rig.faults.plan import CutAtMark, CutAtOperation, Kind
from rig.place.place import Place
from rig.sweep.key import What
from rig.sweep.operations import Labelled, label
from rig.sweep.strata import Line

ANSWER_LIMIT_S = 10.0
RUN_LIMIT_S = 300.0
DATA_STORES = 24  # enough that both copies of the state are replaced many times
BOOT_LIMIT = 2  # U-Boot's `bootlimit`, docs/reference/boot-environment.md
JOURNAL_MAX = 1_000_000


@dataclass(slots=True, kw_only=True)
class Recording:
    """One journalled run: its operations, and what of the state was confirmed when."""

    operations: tuple[Labelled, ...]
    base_sha256: str
    marks: tuple[tuple[int, Mark], ...]  # operations until a state was confirmed, the state
    ended_on: EndedOn
    boots: int
    duration_s: float
    heard: list[tuple[int, str]] = field(default_factory=list)
    times_s: tuple[float, ...] = ()  # of each operation, since the run began
    began_s: float = 0.0  # when the run began, on the rig's clock
    began_doubt_s: float = 0.0

    @property
    def journal_sha256(self) -> str:
        """Return the hash of all that the run did to the flash: two runs that agree are one."""
        text = "".join(
            f"{item.number},{item.what},{item.offset},{item.length},{item.sha256}\n"
            for item in self.operations
        )
        return hashlib.sha256(f"{self.base_sha256}\n{text}".encode()).hexdigest()

    def allowed(self, operation: int) -> tuple[Mark, ...]:
        """Return the states that a board may hold after a cut at `operation`: old or next."""
        confirmed = [mark for count, mark in self.marks if count < operation]
        later = [mark for count, mark in self.marks if count >= operation]
        return (confirmed[-1], *later[:1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One uncut run as its console told it, with the clock on each line."""

    lines: tuple[Line, ...]
    ended_on: EndedOn
    boots: int
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The flash operation that stands for a cut by the clock, and how much later it was done."""

    cut: CutAtOperation
    later_s: float  # negative: it was the last, and done before
    doubt_s: float

    def __str__(self) -> str:
        word = "earlier" if self.later_s < 0 else "later"
        return (
            f"{self.cut}, done {abs(self.later_s) * 1e3:.1f} ms {word}"
            f" (± {self.doubt_s * 1e3:.1f} ms)"
        )


class Exercise:
    """`what` from release `old` to release `new`, on one place.

    `record` and `nearest` need its flash interposer; without one, the place is brought back to
    the old release by the board's own updater.
    """

    def __init__(
        self,
        place: Place,
        what: What,
        old: Release,
        new: Release | Prom,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        _check(what, old, new)
        self.place = place
        self.what = what
        self.old = old
        self.new = new
        self._on_event = on_event or (lambda _: None)

    @property
    def wanted(self) -> str:
        """Return the release that runs when nothing goes wrong."""
        return self.new.name if isinstance(self.new, Release) else self.old.name

    @property
    def own_boots(self) -> int:
        """Return how many boots it has of its own: a rollback's tries, and the one back."""
        return BOOT_LIMIT + 1 if self._good_end is EndedOn.fallback else 0

    @property
    def stores(self) -> bool:
        """Tell whether it has the service store values; else it is an update."""
        match self.what:
            case "data":
                return True
            case "upgrade" | "downgrade" | "confirm" | "rollback" | "prom":
                return False
            case _:
                assert_never(self.what)

    @property
    def _good_end(self) -> EndedOn:
        """Return what an update ends on when nothing goes wrong, as `Follower.follow` says it."""
        match self.what:
            case "rollback":
                return EndedOn.fallback
            case "upgrade" | "downgrade" | "confirm" | "prom" | "data":
                return EndedOn.done
            case _:
                assert_never(self.what)

    def start(self) -> None:
        """Start the running board's update."""
        place = self.place
        if isinstance(self.new, Release):
            place.catalogue.verify(self.new)
        url = place.bundles.offer(self.new.bundle)
        fresh(place.console)
        command = "walnut-update-prom" if isinstance(self.new, Prom) else "walnut-update"
        start(place.console, url, command)

    def bring(self) -> None:
        """Bring the board to the old release: from its golden flash, or by its own updater."""
        bring(self.place, self.old)

    def prepare(self) -> Mark:
        """Bring the board to where the exercise begins; return the state that must survive."""
        self.bring()
        return self.place.service.mark(ANSWER_LIMIT_S)

    def listen(self) -> Heard:
        """Run it once, uncut, with the clock on each of the board's lines; leave it off."""
        place = self.place
        self.prepare()
        began_s = place.clock.now()
        events: list[Event] = []
        ended_on, boots = self._follow(events.append, lambda: None)
        duration_s = place.clock.now() - began_s
        place.strategy.lost()
        place.strategy.transition(Status.off)
        lines = tuple(
            Line(
                at_s=event.seen_at_s - events[0].seen_at_s,
                phase=event.phase,
                event=event.event,
                keys=event.keys,
            )
            for event in events
        )
        return Heard(lines=lines, ended_on=ended_on, boots=boots, duration_s=duration_s)

    def record(self) -> Recording:
        """Run it once with every operation kept by the interposer, and leave the board off."""
        place = self.place
        interposer = place.need("interposer")
        interposer.drop_all()
        mark = self.prepare()
        base = interposer.sha256()
        asked_s = place.clock.now()
        interposer.start_history()
        began_s = place.clock.now()
        heard: list[tuple[int, str]] = []
        marks = [(0, mark)]
        ended_on, boots = self._run(heard, marks)
        duration_s = place.clock.now() - began_s
        count = interposer.stop_history()
        journal = [
            (item.number, item.what, item.offset, item.length, item.sha256)
            for item in interposer.journal(1, count)
        ]
        place.strategy.lost()
        place.strategy.transition(Status.off)
        return Recording(
            operations=label(journal, heard, place.flash_map),
            base_sha256=base,
            marks=tuple(marks),
            ended_on=ended_on,
            boots=boots,
            duration_s=duration_s,
            heard=heard,
            times_s=interposer.times(1, count),
            began_s=(asked_s + began_s) / 2,
            began_doubt_s=(began_s - asked_s) / 2,
        )

    def nearest(self, plan: CutAtMark) -> Nearest:
        """Return the flash operation that is under way, or the next, when `plan` would cut.

        One journalled run tells: a cut `before` the first operation that is not done by then.

        Raises:
            UsageError: a run without a fault never says what `plan` waits for.
        """
        seen: list[Event] = []
        on_event = self._on_event
        self._on_event = seen.append
        try:
            recording = self.record()
        finally:
            self._on_event = on_event
        for event in seen:
            if plan.reached(event.phase, event.event, event.keys):
                at_s = event.seen_at_s + plan.delay_s - recording.began_s
                return _nearest(recording, at_s)
        raise UsageError(f"a run without a fault never comes to {plan}")

    def _run(
        self, heard: list[tuple[int, str]], marks: list[tuple[int, Mark]]
    ) -> tuple[EndedOn, int]:
        if self.stores:
            self._store(marks)
            return EndedOn.stored, 0
        return self._update(heard)

    def _update(self, heard: list[tuple[int, str]]) -> tuple[EndedOn, int]:
        count = self.place.need("interposer").count

        def hear(event: Event) -> None:
            heard.append((count(), f"{event.phase}.{event.event}"))
            self._on_event(event)

        return self._follow(hear, lambda: heard.append((count(), "boot.prom")))

    def _follow(
        self, hear: Callable[[Event], None], on_boot: Callable[[], object]
    ) -> tuple[EndedOn, int]:
        """Start the update and follow it to its good end; return that end and the boots."""
        place = self.place
        follower = Follower.of(place, hear, from_start=True, on_boot=on_boot)
        self.start()
        ended_on = follower.follow(Deadline.after(place.clock, RUN_LIMIT_S), lambda: False)
        wanted = self._good_end
        if ended_on != wanted:
            said = [f"{event.phase} {event.event} {event.keys}" for event in follower.events[-2:]]
            raise BoardError(
                f"without any fault the {self.what} from {self.old} to {self.new} ended on"
                f" {ended_on!r}, not on {wanted!r}; the board's last words: {said}"
            )
        return ended_on, follower.boots

    def _store(self, marks: list[tuple[int, Mark]]) -> None:
        """Store state after state: each answer is a promise."""
        place = self.place
        count = place.need("interposer").count
        first = marks[0][1].value
        for value in range(first + 1, first + 1 + DATA_STORES):
            answer = place.service.store(SESSION, value, ANSWER_LIMIT_S)
            if answer.value != value:
                raise BoardError(f"the service kept {answer.value} in place of {value}")
            mark = Mark(
                value=answer.value,
                counter=answer.counter,
                sessions=answer.sessions,
                release=answer.release,
            )
            marks.append((count(), mark))


def _nearest(recording: Recording, at_s: float) -> Nearest:
    """Return the first operation that was done at `at_s` or later, or else the last one."""
    times_s = recording.times_s
    later = [number for number, done_s in enumerate(times_s, start=1) if done_s >= at_s]
    number, kind = (later[0], Kind.before) if later else (len(times_s), Kind.after)
    return Nearest(
        cut=CutAtOperation(operation=number, kind=kind),
        later_s=times_s[number - 1] - at_s,
        doubt_s=recording.began_doubt_s,
    )


def _check_way(wanted: What, old: Release, new: Release) -> None:
    """Raise UsageError when the releases' numbers go the other way."""
    before, after = (tuple(int(part) for part in item.name.split(".")) for item in (old, new))
    way = "upgrade" if before < after else "downgrade"
    if way != wanted and before != after:
        raise UsageError(f"{old} to {new} is no {wanted}: say --what {way}")


def _check(what: What, old: Release, new: Release | Prom) -> None:
    if what == "data" or isinstance(new, Prom):
        return
    if old.name == new.name:
        raise UsageError(f"{what}: from {old} to {new} moves nothing")
    match what:
        case "upgrade" | "confirm":
            _check_way("upgrade", old, new)
        case "downgrade":
            _check_way("downgrade", old, new)
        case "rollback":
            if not new.broken:
                raise UsageError(
                    f"a rollback needs a release that does not pass its self-check, and {new} does;"
                    " firmware/releases.toml marks such a release with `broken`"
                )
        case "prom":
            raise UsageError(f"{new} is a release, and --what prom updates to a PROM")
        case _:
            assert_never(what)
