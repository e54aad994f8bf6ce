# SPDX-License-Identifier: MIT
"""Cuts the power of an upgrade under way where its plan says, and knows whether it is gone."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from rig.faults import CutAtMark, CutAtOperation, Plan
from rig.place import Place
from rig.upgrade import Event

if TYPE_CHECKING:
    from rig.instruments.rail import RailEdge


class Cutter:
    """Sees the board's lines go by, cuts at a mark, and knows whether the power is gone."""

    def __init__(self, place: Place, plan: Plan, on_event: Callable[[Event], None]) -> None:
        self._place = place
        self._plan = plan
        self._on_event = on_event
        self.done = False
        self.edge: RailEdge | None = None

    def see(self, event: Event) -> None:
        self._on_event(event)
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
        return self.done
