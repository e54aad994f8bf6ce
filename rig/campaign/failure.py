# SPDX-License-Identifier: MIT
"""Whose failure it is when a trial breaks off: the board's, or the bench's."""

from rig.errors import BenchError, BoardError
from rig.faults.outcome import Outcome
from rig.place.place import Place


def blame(place: Place, error: BenchError | BoardError) -> tuple[Outcome, str]:
    """Return the outcome of a trial that ended on `error`, and who must act on what.

    A board that is not fed has not failed, so ask before it is switched off.
    """
    if isinstance(error, BoardError):
        try:
            place.check_bench(error)
        except BenchError as bench:
            return Outcome.bench, f"{bench.who}: {bench} ({error})"
        return Outcome.bricked, f"{error.who}: {error}"
    return Outcome.bench, f"{error.who}: {error}"
