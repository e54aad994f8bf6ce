# SPDX-License-Identifier: MIT
"""The heartbeat through a logic analyser: labgrid's SigrokDriver, under a deadline."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory

from rig.clock import Deadline, SystemClock
from rig.drivers.within import within
from rig.errors import UsageError
from rig.instruments.analyser import Capture, edges

KILLS = 10
SAMPLES_MAX = 2_000_000  # labgrid hands over a dict a sample


@target_factory.reg_driver
@attr.s(eq=False)
class HeartbeatAnalyserDriver(Driver):
    """`capture` records the heartbeat's channel for a while.

    Args:
        bindings (dict): a SigrokDriver whose resource names its channels
        channel (str): the channel that is wired to the heartbeat
        rate_hz (int): how often it samples
        limit_s (float): how long sigrok-cli may take to start, and to write its samples as CSV
    """

    bindings = {"sigrok": "SigrokDriver"}
    channel = attr.ib(default="D0", validator=attr.validators.instance_of(str))
    rate_hz = attr.ib(default=20_000, validator=attr.validators.instance_of(int))

    limit_s = attr.ib(default=60.0, converter=float)

    @property
    def instrument(self) -> Any:  # noqa: ANN401 # itself, where other instruments hang below
        return self

    def identity(self) -> str:
        """Return what stands for ``*IDN?``: sigrok has no such question."""
        return f"sigrok-cli,{self.sigrok.sigrok.driver},{self.channel}"

    @Driver.check_active
    def capture(self, duration_s: float) -> Capture:
        """Record for `duration_s` and return the rising edges.

        Raises:
            UsageError: that is more than labgrid can hand over.
            BenchError: sigrok-cli fails or does not end.
            InstrumentError: what it wrote are no samples of the channel.
        """
        samples = duration_s * self.rate_hz
        if not 2 <= samples <= SAMPLES_MAX:
            raise UsageError(
                f"{duration_s} s at {self.rate_hz} Hz are {samples:.0f} samples, more than"
                f" {SAMPLES_MAX} or none"
            )
        clock = SystemClock()
        with TemporaryDirectory(prefix="rig-analyser-") as folder:
            file = Path(folder) / "heartbeat.sr"
            rate = str(self.rate_hz)
            self._within("start", self.sigrok.capture, str(file), rate)
            deadline = Deadline.after(clock, duration_s)
            clock.sleep(deadline.left_s)
            rows = self._within("end", self.sigrok.stop)
        return edges(rows, self.channel, float(self.rate_hz), self.identity())

    def _within(self, what: str, act: Any, *values: str) -> Any:  # noqa: ANN401
        """Call labgrid, which waits without an end; kill sigrok-cli when it hangs."""
        return within(self.limit_s, "sigrok-cli", what, lambda: act(*values), on_late=self._kill)

    def _kill(self, waits: threading.Thread) -> None:
        for _ in range(KILLS):  # when one is gone, labgrid starts the next
            self.sigrok._process.kill()  # noqa: SLF001 # labgrid offers no other end
            waits.join(0.1)
