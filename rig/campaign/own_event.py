# SPDX-License-Identifier: MIT
"""An event that somebody's own test makes, measured and recorded as any other step."""

from collections.abc import Iterator
from contextlib import contextmanager

from rig.campaign.campaign import Campaign
from rig.campaign.step import StepResult
from rig.errors import UsageError
from rig.outage.result import Outages


class Event:
    """One event; what it cost is known when it has ended."""

    def __init__(self, step: StepResult) -> None:
        self.step = step

    @property
    def outage(self) -> Outages:
        """Return the outages: `traffic` and `counter`, each a Measurement in s (± is k = 2).

        Raises:
            UsageError: the event has not ended.
        """
        if self.step.outages is None:
            raise UsageError(f"the event {self.step.name!r} has not ended: ask after its `with`")
        return self.step.outages


class Watch:
    """Watches the service of the campaign's board."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign

    @contextmanager
    def event(self, name: str) -> Iterator[Event]:
        """Measure what the body of the `with` does to the service.

        Before, a value is stored that must survive, and the service must be good for a second.
        After, the board must be up, and the service good for five.

        Raises:
            BoardError, BenchError: the board or the bench failed; the step is recorded.
            AssertionError: the board came out badly: mixed, without its state, or dead.
        """
        with self._campaign.event(name) as step:
            yield Event(step)
        assert step.outcome.good, f"{name}: {step.outcome.value}: {step.error or step.notes}"  # noqa: S101
