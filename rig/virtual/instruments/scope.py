# SPDX-License-Identifier: MIT
"""What both virtual oscilloscopes see: the silences of the heartbeat, drawn as samples."""

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rig.virtual.instruments.heartbeat import HeartbeatInput

HIGH_V = 3.3
WIDTH_S = 1e-4  # of one pulse
KEPT = 100_000  # edges


class Silence(NamedTuple):
    """From edge to edge."""

    from_s: float
    after_s: float


class Scope(HeartbeatInput):
    """Remembers silences longer than `missing_s` while it is armed, `most` at most."""

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self.missing_s = 1.0
            self.most = 1
            self.armed = False
            self.silences: list[Silence] = []
            self.edges_s: deque[float] = deque(maxlen=KEPT)

    def arm(self) -> None:
        with self.lock:
            self.silences = []
            self.edges_s.clear()  # what came before it was armed does not trigger it
            self.armed = True

    def edge(self, at_s: float) -> None:
        edges_s = self.edges_s
        if self.armed and edges_s and at_s - edges_s[-1] > self.missing_s:
            self.silences.append(Silence(edges_s[-1], at_s))
            self.armed = len(self.silences) < self.most
        edges_s.append(at_s)

    def samples(self, trigger_s: float, first_s: float, step_s: float, count: int) -> bytes:
        """Return the line around `trigger_s`, the first sample `first_s` after it."""
        with self.lock:
            edges_s = np.array(self.edges_s) - trigger_s
        return draw(edges_s, first_s, step_s, count).tobytes()


def draw(
    edges_s: NDArray[np.float64], first_s: float, step_s: float, count: int
) -> NDArray[np.uint8]:
    """Draw pulses at `edges_s` as 8-bit samples: 0 V is 100, 3.3 V is 199 (step 1/30 V)."""
    samples = np.full(count, 100, np.uint8)
    for edge_s in edges_s:
        start = int(np.ceil((edge_s - first_s) / step_s))
        stop = int(np.ceil((edge_s + WIDTH_S - first_s) / step_s))
        samples[max(start, 0) : max(min(stop, count), 0)] = 199
    return samples


STEP_V = 1 / 30
ZERO = 100
