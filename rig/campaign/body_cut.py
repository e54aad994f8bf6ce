# SPDX-License-Identifier: MIT
"""Cuts the power while somebody's own test runs, and judges the board that comes back."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rig.board.catalogue import Release
from rig.campaign.board import Board, PowerGoneError
from rig.campaign.failure import blame
from rig.campaign.step import StepResult
from rig.clock import wall_time_s
from rig.errors import BenchError, BoardError, UsageError
from rig.faults.outcome import Outcome
from rig.faults.plan import HASH_DIGITS, KEY_FORMAT, CutAtOperation
from rig.place.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class TestKey:
    """Everything that a cut in a test of somebody's own was made of, as one word."""

    __test__ = False  # pytest's own idea of what a class of this name is
    release: str
    release_hash: str
    test: str  # file and function
    test_hash: str  # of the file
    plan: str

    @classmethod
    def of(cls, release: Release, file: Path, function: str, plan: CutAtOperation) -> Self:
        return cls(
            release=release.name,
            release_hash=release.golden_sha256[:HASH_DIGITS],
            test=f"{file.name}::{function}",
            test_hash=hashlib.sha256(file.read_bytes()).hexdigest()[:HASH_DIGITS],
            plan=str(plan),
        )

    def __str__(self) -> str:
        ends = f"{self.release}@{self.release_hash}/{self.test}@{self.test_hash}"
        return f"{KEY_FORMAT}/test/{ends}/{self.plan}"


def run(
    board: Board, release: Release, plan: CutAtOperation, name: str, body: Callable[[], object]
) -> StepResult:
    """Run `body` on a freshly programmed board, cut it, and return how the board came out.

    A failing check of the board that came back is `lost-state`, with what it said.  The board is
    left off when it or the bench has failed.

    Raises:
        UsageError: the cut never came.
        Exception: what the body raised before it; that is no verdict on what a cut does.
    """
    place = board.place
    began_s = place.clock.now()
    result = StepResult(name=name, wanted=release.name, fault=str(plan))
    result.started_at_s = wall_time_s()
    result.from_release = release.name
    try:
        with _blamed(place, result):
            place.restore(release)
            board.boot()
        if not result.error:
            _cut(board, plan, result, body)
            with _blamed(place, result):
                _come_back(board, plan, result)
    finally:
        place.need("interposer").disarm()
    result.duration_s = place.clock.now() - began_s
    return result


@contextmanager
def _blamed(place: Place, result: StepResult) -> Iterator[None]:
    """Say whose failure it was, and leave the board off."""
    try:
        yield
    except (BenchError, BoardError) as error:
        result.outcome, result.error = blame(place, error)
        place.safe_off()


def _cut(
    board: Board, plan: CutAtOperation, result: StepResult, body: Callable[[], object]
) -> None:
    try:
        with board.under_cut(plan):
            body()
    except PowerGoneError:
        result.ended_on = "cut"
        return
    result.operations = board.place.need("interposer").count()
    raise UsageError(
        f"{plan} never came: after board.after_cut the test makes {result.operations} flash"
        " operations on the board; give the mark power_cut a plan within these"
    )


def _come_back(board: Board, plan: CutAtOperation, result: StepResult) -> None:
    place = board.place
    interposer = place.need("interposer")

    def note_cut() -> None:
        result.cut = interposer.last()
        result.flash_sha256_after_cut = interposer.sha256()

    result.boots = board.come_back(plan, note_cut)
    held = place.service.echo()
    result.to_release = held.release if held else None
    try:
        board.judge()
    except AssertionError as error:
        result.outcome = Outcome.lost_state
        result.error = f"{BoardError.who}: {error}"
    else:
        again = result.boots > len(plan.cuts)
        moved = result.to_release != result.from_release
        result.outcome = Outcome.recovered if again else Outcome.new if moved else Outcome.old
