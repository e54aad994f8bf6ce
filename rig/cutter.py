# SPDX-License-Identifier: MIT
"""Cuts the power of an upgrade under way where its plan says, and knows whether it is gone."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from rig.faults import CutAtMark, CutAtOperation, Plan
from rig.place import Place
from rig.upgrade import Event

if TYPE_CHECKING:
    from rig.instruments.rail import RailEdge


SILENT_S = 20.0  # without a line of the updater's: is the board still fed?


class Cutter:
    """Sees the board's lines go by, cuts at a mark, and knows whether the power is gone."""

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
        if (
            isinstance(plan, CutAtMark)
            and not self.done
            and plan.reached(event.phase, event.event, event.keys)
        ):
            clock = self._place.clock
            clock.sleep(max(0.0, event.seen_at_s + plan.delay_s - clock.now()))
            fall = self._place.cut_feed()
            self.edge = fall.since(event.seen_at_s) if fall else None
            self.done = True

    def is_cut(self) -> bool:
        if isinstance(self._plan, CutAtOperation) and not self.done:
            self.done = self._place.need("interposer").state() == "FIRED"
        if not self.done:
            self._look_at_silence()
        return self.done

    def _look_at_silence(self) -> None:
        """Ask the supply now and then whether a silent board is fed: no need to wait for the end.

        Raises:
            BenchError: it is not, or the supply has failed.
        """
        now_s = self._place.clock.now()
        if now_s - self._asked_s >= SILENT_S:
            self._asked_s = now_s
            self._place.check_feed()
