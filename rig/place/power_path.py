# SPDX-License-Identifier: MIT
"""The way of the power to the board: outlet, supply and the interposer's cut, in series."""

import logging
from collections.abc import Callable
from typing import Protocol

from rig.drivers.strategy import Status
from rig.errors import BenchError, BoardOnError, RigError, TakenError
from rig.instruments.rail import Fall
from rig.instruments.supply import Supply
from rig.outage.current import CURRENT_MIN_A

log = logging.getLogger(__name__)

NO_SUPPLY = "the place has no supply that could cut its power"


class Outlet(Protocol):
    """What is needed of the PDU."""

    def get(self) -> bool | None: ...  # None: nobody knows
    def off(self) -> None: ...


class Interposer(Protocol):
    """What is needed of the box at the flash, which can take the power, too."""

    def disarm(self) -> None: ...
    def state(self) -> str: ...


class Wanted(Protocol):
    """Knows what the rig wants of the board."""

    status: Status


class PowerPath:
    """What feeds one board; a place may lack a supply or an interposer."""

    def __init__(
        self,
        outlet: Outlet,
        supply: Supply | None,
        interposer: Interposer | None,
        wanted: Wanted,
        require_ours: Callable[[], object] = lambda: None,
    ) -> None:
        self._outlet = outlet
        self._supply = supply
        self._interposer = interposer
        self._wanted = wanted
        self._require_ours = require_ours  # raises when the place has been taken away
        self._is_used = False  # the output is the rig's business since it fed or cut the board

    def feed(self) -> None:
        """Release a latched cut and have the supply feed the board again (outlet untouched)."""
        self._require_ours()
        self._is_used = True
        if self._interposer:
            self._interposer.disarm()
        if self._supply:
            if self._supply.tripped():
                self._supply.clear_protection()
            if not self._supply.is_on():
                self._supply.output(True)

    def cut(self) -> Fall | None:
        """Take the board's power as fast as the place can; say when the rail fell.

        None: the place has no supply, so the outlet was switched and nothing was measured.

        Raises:
            BenchError: the power did not go.
        """
        self._require_ours()
        self._is_used = True
        if self._supply:
            return self._supply.cut()
        self._outlet.off()
        return None

    def leave_off(self, by_outlet: Callable[[], object]) -> None:
        """Take the board's power by every means; see `leave_off` below."""
        leave_off(by_outlet, self._cut_output, self._outlet.off)

    def _cut_output(self) -> None:
        if self._supply is None:
            raise BenchError(NO_SUPPLY)
        self._supply.output(False)

    def give_back(self) -> None:
        """Leave the supply on after the rig had cut it, for whoever comes next; never raises.

        Call it when the outlet is off.
        """
        if self._is_used:
            try:
                self.feed()
            except RigError as error:
                log.warning("the supply was not given back: %s", error)

    def check(self) -> None:
        """Make sure that a silent board is fed, so that its silence is its own.

        Raises:
            BenchError: it is not, and the rig has not taken its power: outlet or supply is off, a
                protection has tripped, or all is on and no current flows; or the supply has
                restarted, and feeds nothing.
        """
        # First: a supply that has restarted is off, and says so here.
        current = self._supply.current() if self._supply else None
        if self._is_taken_by_the_rig():
            return
        if off := self._switched_off():
            raise BenchError(
                f"the board is silent because {off}, which is not the rig's doing: look for"
                " whoever else switches its power, and for what tripped it"
            )
        if current and current.value < CURRENT_MIN_A:
            raise BenchError(
                f"the board is silent and draws {current.value:.3f} A though outlet and supply are"
                " on: look at fuse and cable of its 5 V feed"
            )

    def _is_taken_by_the_rig(self) -> bool:
        """Tell whether the rig wants the board off, or the cut that it armed has fired."""
        if self._wanted.status is Status.off:
            return True
        return self._interposer is not None and self._interposer.state() == "FIRED"

    def _switched_off(self) -> str:
        """Say what keeps the power from the board; nothing if all is switched on."""
        if self._outlet.get() is False:
            return "its outlet is off"
        if self._supply is None:
            return ""
        if self._supply.tripped():
            return "a protection of its supply holds the output off"
        return "" if self._supply.is_on() else "the output of its supply is off"


def leave_off(
    by_outlet: Callable[[], object],
    by_supply: Callable[[], object],
    by_outlet_alone: Callable[[], object] | None = None,
) -> None:
    """Take a board's power by every means there is, whatever has failed before.

    `by_outlet` may keep more in order than the outlet, and `by_outlet_alone` is the last try.

    Raises:
        BenchError: the outlet failed; the supply's output, which stays off, keeps the board off.
        BoardOnError: nothing did it.
        TakenError: the board is somebody else's by now; nothing was switched.
    """
    failures = []
    for act in (by_outlet, by_supply, by_outlet_alone or by_outlet):
        try:
            act()
        except TakenError:
            raise
        except Exception as error:  # noqa: BLE001 # nothing may stop us from trying the rest
            log.warning("the board is not off yet: %s", error)
            failures.append(str(error))
            continue
        if act is by_supply:
            raise BenchError(
                f"{failures[0]}; the board is off all the same, by its supply, whose output is"
                " left off"
            )
        return
    raise BoardOnError("; ".join(dict.fromkeys(failures)))
