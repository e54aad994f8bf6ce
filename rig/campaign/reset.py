# SPDX-License-Identifier: MIT
"""The resets of RFC 6201 that a board without line cards has: process, OS and power."""

import enum
from collections.abc import Callable
from typing import Protocol, assert_never

from rig.campaign.follower import EndedOn, Event, Follower
from rig.clock import Clock, Deadline
from rig.drivers.console import fresh
from rig.errors import BoardError
from rig.measure.measurement import Measurement
from rig.measure.uncertainty import Contribution, expanded
from rig.place.place import Place

PROCESS = "walnutd"
# The board has no pidof.
KILL = (
    "k=1; for p in /proc/[0-9]*; do read -r c <$p/comm && "
    f'[ "$c" = {PROCESS} ] && kill -9 ${{p##*/}} && k=0; done 2>/dev/null; [ $k = 0 ]'
)

UNDER_WAY_S = 0.2  # a datagram that was sent so lately may still be answered


class Watch(Protocol):
    """What is needed of whoever watches the service."""

    def wait(self, duration_s: float) -> None: ...
    def lost(self, from_s: float, until_s: float) -> int: ...


class Reset(enum.Enum):
    """What is reset; RFC 6201 sections 4.2.2, 4.2.1 and 4.3.1."""

    process = "process"
    os = "os"
    power = "power"

    @property
    def takes_power(self) -> bool:
        match self:
            case Reset.power:
                return True
            case Reset.process | Reset.os:
                return False
            case _:
                assert_never(self)


def steady(watch: Watch, clock: Clock, duration_s: float) -> float:
    """Let the service run for `duration_s` before an event (RFC 6201 section 4: 15 s).

    Return for how many seconds it answered every datagram; 0 when one was lost.
    """
    if not duration_s:
        return 0.0
    from_s = clock.now()
    watch.wait(duration_s)
    until_s = clock.now()
    good = not watch.lost(from_s, max(from_s, until_s - UNDER_WAY_S))
    return until_s - from_s if good else 0.0


def reset_process(place: Place) -> None:
    """Kill the service's process and wait until init has another one answer.

    Raises:
        BoardError: there was nothing to kill, or nothing came back.
    """
    lines, _, code = place.shell.run(KILL)
    if code:
        raise BoardError(f"{PROCESS} could not be killed: {' '.join(lines)}")
    place.await_service()


def reset_os(place: Place, on_event: Callable[[Event], None]) -> int:
    """Tell the running system to restart; return how often the PROM started."""
    fresh(place.console)
    place.console.sendline("reboot")
    return _booted(place, on_event)


def reset_power(
    place: Place, off_s: float, on_event: Callable[[Event], None]
) -> tuple[int, Measurement]:
    """Take the board's power away for `off_s` seconds.

    Return how often the PROM started, and how long the power really was gone.  The supply's
    read-back brackets the fall; the other edge, and both of a place with a PDU alone, lie somewhere
    between the command and its confirmation.
    """
    fresh(place.console)
    before_s = place.clock.now()
    fall = place.power_path.cut()
    off = (fall.above_s, fall.below_s) if fall else (before_s, place.clock.now())
    place.clock.sleep(off_s)
    if fall:
        on = _bracket(place, lambda: place.need("supply").output(True))
        source = place.need("supply").identity()
    else:
        on = _bracket(place, place.strategy.start)
        source = place.power.source
    gone = power_gone(off, on, source, place.clock.now())
    return _booted(place, on_event), gone


def power_gone(
    off: tuple[float, float], on: tuple[float, float], source: str, taken_at_s: float
) -> Measurement:
    """Return how long the power was gone between two edges, each bracketed by two moments.

    An edge is anywhere in its bracket.
    """
    why = "anywhere in its bracket"
    budget = tuple(
        Contribution(f"edge of power {name}", (late - early) / 2, why=why)
        for name, (early, late) in (("off", off), ("on", on))
    )
    return Measurement(
        name="power.gone",
        value=sum(on) / 2 - sum(off) / 2,
        unit="s",
        uncertainty=expanded(budget),
        source=source,
        taken_at_s=taken_at_s,
        method="from fall to rise, each in its bracket, k = 2",
        budget=budget,
    )


def _bracket(place: Place, act: Callable[[], object]) -> tuple[float, float]:
    before_s = place.clock.now()
    act()
    return before_s, place.clock.now()


def _booted(place: Place, on_event: Callable[[Event], None]) -> int:
    """Follow the board until its service is up, then log in."""
    follower = Follower.of(place, on_event)
    deadline = Deadline.after(place.clock, place.strategy.boot_limit_s)
    ended_on = follower.follow(deadline, lambda: False)
    place.strategy.lost()
    if ended_on == EndedOn.failed:
        raise BoardError(f"the board gave up: {follower.events[-1].keys}")
    return follower.boots + place.boot()
