# SPDX-License-Identifier: MIT
"""Cuts the power where a plan says, in an upgrade and in the recovery from its cut."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from rig.campaign.follower import EndedOn, Event, Follower
from rig.clock import Deadline
from rig.drivers.strategy import Status
from rig.faults.plan import BadBundlePlan, CutAtMark, CutAtOperation, NoFault, Plan
from rig.place.place import Place

if TYPE_CHECKING:
    from rig.instruments.rail import RailEdge

CUT_OFF_S = 0.5  # the 5 V rail is down long before (E36312A down-programming)
SILENT_S = 20.0  # without a line of the updater's: is the board still fed?


def arm(place: Place, plan: Plan) -> None:
    """Arm the interposer for the plan's first cut, if that is at an operation."""
    match plan:
        case CutAtOperation():
            place.need("interposer").arm(plan.operation, plan.kind, plan.seed)
        case NoFault() | CutAtMark() | BadBundlePlan():
            pass
        case _:
            assert_never(plan)


class Cutter:
    """Sees the board's lines go by, cuts at a mark, and knows whether the power is gone.

    A cut at an operation is the interposer's: whoever makes a Cutter has called `arm`.
    """

    def __init__(self, place: Place, plan: Plan, on_event: Callable[[Event], None]) -> None:
        self._place = place
        self._plan = plan
        self._on_event = on_event
        self._asked_s = place.clock.now()
        self.done = False
        self.edge: RailEdge | None = None

    def see(self, event: Event) -> None:
        self._on_event(event)
        self._asked_s = event.seen_at_s
        plan = self._plan
        match plan:
            case CutAtMark():
                if not self.done and plan.reached(event.phase, event.event, event.keys):
                    self._cut(event.seen_at_s, plan.delay_s)
            case NoFault() | CutAtOperation() | BadBundlePlan():
                pass
            case _:
                assert_never(plan)

    def _cut(self, seen_at_s: float, delay_s: float) -> None:
        clock = self._place.clock
        clock.sleep(max(0.0, seen_at_s + delay_s - clock.now()))
        fall = self._place.power_path.cut()
        self.edge = fall.since(seen_at_s) if fall else None
        self.done = True

    def follow(
        self,
        follower: Follower,
        deadline: Deadline,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> EndedOn:
        """Return what ended it, as `Follower.follow` does; `meanwhile` is called now and then.

        The last line may be the mark, or have come just before the power went: that is a cut, too.
        """

        def is_cut() -> bool:
            meanwhile()
            return self.is_cut()

        ended_on = follower.follow(deadline, is_cut)
        return EndedOn.cut if self.is_cut() else ended_on

    def is_cut(self) -> bool:
        self.done = self.done or self._has_fired()
        if not self.done:
            self._look_at_silence()
        return self.done

    def _has_fired(self) -> bool:
        """Tell whether the interposer has made the cut, if that is its own."""
        plan = self._plan
        match plan:
            case CutAtOperation():
                return bool(self._place.need("interposer").state() == "FIRED")
            case NoFault() | CutAtMark() | BadBundlePlan():
                return False
            case _:
                assert_never(plan)

    def _look_at_silence(self) -> None:
        """Ask the supply now and then whether a silent board is fed: no need to wait for the end.

        Raises:
            BenchError: it is not, or the supply has failed.
        """
        now_s = self._place.clock.now()
        if now_s - self._asked_s >= SILENT_S:
            self._asked_s = now_s
            self._place.power_path.check()


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a board came back from its cuts; `missed` says which nested one never came, if any."""

    boots: int
    missed: str = ""


def recover(
    place: Place,
    plan: Plan,
    on_event: Callable[[Event], None],
    on_cut: Callable[[], None],
) -> Recovery:
    """Give a cut board its power, cut its recovery as often as `plan` says, and let it come up.

    `on_cut` is called right after each of these cuts; the caller has seen the first.

    Raises:
        BoardError: it does not come up.
        BenchError: it cannot, for it is not fed.
    """
    boots = 0
    for cut in _nested(plan):
        follower, ended_on = _cut_recovery(place, cut, on_event)
        boots += follower.boots
        if ended_on != EndedOn.cut:
            place.need("interposer").disarm()  # it must not come later, in the login
            place.strategy.lost()
            missed = f"the nested cut {cut} never came: the recovery ended on {ended_on!r}"
            return Recovery(boots + place.boot(), missed)
        on_cut()
    _feed_again(place)
    return Recovery(boots + place.boot())


def _nested(plan: Plan) -> tuple[CutAtOperation, ...]:
    """Return the cuts that the plan makes in the recovery from its first one."""
    match plan:
        case CutAtOperation():
            return plan.cuts[1:]
        case NoFault() | CutAtMark() | BadBundlePlan():
            return ()
        case _:
            assert_never(plan)


def _cut_recovery(
    place: Place, cut: CutAtOperation, on_event: Callable[[Event], None]
) -> tuple[Follower, str]:
    """Follow a board that is given power until its recovery is cut, or ends."""
    _feed_again(place)
    place.need("interposer").reset_count()
    arm(place, cut)
    place.strategy.start()
    cutter = Cutter(place, cut, on_event)
    follower = Follower.of(place, cutter.see)
    deadline = Deadline.after(place.clock, place.strategy.boot_limit_s)
    return follower, cutter.follow(follower, deadline)


def _feed_again(place: Place) -> None:
    """Switch a cut board off, wait until its rail is down, and make its feed ready again."""
    place.strategy.transition(Status.off)
    place.clock.sleep(CUT_OFF_S)
    place.power_path.feed()
