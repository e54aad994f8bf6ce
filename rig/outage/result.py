# SPDX-License-Identifier: MIT
"""What is said of one event: how long the service was gone, to each instrument, and how sure."""

import enum
from dataclasses import dataclass
from pathlib import Path

from rig.measure.measurement import Measurement
from rig.outage.gaps import Gap

STALLED_SHARE = 0.01  # a probe that stands still for more of the time proves nothing


class Agreement(enum.StrEnum):
    """Whether traffic and counter measured the same outage."""

    agree = "agree"
    unclear = "unclear"
    traffic_only = "traffic only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floors:
    """The longest gaps of an undisturbed run: what the bench itself adds."""

    traffic_s: float
    counter_s: float | None
    duration_s: float
    lost: int
    assumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Datagrams of `span_s` seconds that were not answered; the probe stalled for `stalled_s`."""

    frames: int
    span_s: float
    stalled_s: float

    @property
    def host_was_busy(self) -> bool:
        """Tell whether the rig's own computer may have lost them."""
        return self.stalled_s > STALLED_SHARE * self.span_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """How long one instrument saw the service take until five clean seconds began.

    Beside the outage, the longest silence, there were `silences` others of `silences_s` together.
    """

    time: Measurement
    silences: int
    silences_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """What one event cost, seen by both instruments.

    An outage is the longest silence; `settling` and `counter_settling` are about all of them.
    """

    label: str
    traffic: Measurement
    counter: Measurement | None
    frame_loss: Measurement
    settling: Settling
    counter_settling: Settling | None
    agreement: Agreement
    loss_frames: int
    duplicates: int
    reordered: int
    late: int
    gaps: tuple[Gap, ...]
    longest: Gap
    recovered: bool
    floors: Floors
    releases: tuple[str, ...]
    notes: tuple[str, ...]
    raw: Path
    watched_s: float = 0.0  # from the event's start to this judgement
    stalled_s: float = 0.0  # of that, how long the traffic probe itself stood still
    silent_s: float = 0.0  # since the last good answer
    serving: bool = False  # the service answered to the end, and in time
    corrupted: int = 0
    unfed: Measurement | None = None  # how long the board drew no current; None: nobody saw that
