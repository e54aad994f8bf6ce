# SPDX-License-Identifier: MIT
"""What is made of a board's words when a module is inserted; the board's part is in tests/bench."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rig.board.catalogue import Module
from rig.campaign.mismatch import Mismatch
from rig.errors import BenchError
from rig.faults.expectations import Pair, PairVerdict
from rig.outage.result import Losses
from tests.unit.faults.test_expectations import NEW, OLD

INVALID = "insmod: can't insert '/run/module.ko': invalid module format"
WHY = "[    9.1] walnut_io: disagrees about version of symbol module_layout"
OTHER = "[    9.2] jffs2: something else"
NO_LOSSES = Losses(frames=0, span_s=2.0, stalled_s=0.0)


class Board:
    """A board that says what it is told to; `wget` and `insmod` end with these codes."""

    def __init__(self, wget: int, insmod: int, said: str, log: list[str]) -> None:
        self._ends: dict[str, tuple[list[str], list[str], int]] = {
            "wget": ([], [], wget),
            "insmod": ([said] if said else [], [], insmod),
        }
        self._log = log
        self.boots = 0
        self.off = False

    def run(self, command: str) -> tuple[list[str], list[str], int]:
        for word, end in self._ends.items():
            if word in command:
                return end
        assert command.startswith("dmesg")
        return self._log, [], 0

    def boot(self) -> None:
        self.boots += 1

    def safe_off(self) -> None:
        self.off = True


def campaign(
    board: Board, pairs: list[Pair], release: str = "2.1.0", losses: Losses = NO_LOSSES
) -> Any:
    answer = SimpleNamespace(release=release, boot_id="1")
    interposer = SimpleNamespace(count=lambda: 0, reset_count=lambda: None)
    place = SimpleNamespace(
        shell=board,
        boot=board.boot,
        safe_off=board.safe_off,
        check_bench=lambda _: None,
        bundles=SimpleNamespace(offer=lambda path: f"http://rig/{path.name}"),
        clock=SimpleNamespace(now=lambda: 0.0, sleep=lambda _: None),
        need={"interposer": interposer}.__getitem__,
        service=SimpleNamespace(store=lambda *_: answer, wait_up=lambda *_: answer),
    )
    return SimpleNamespace(
        place=place,
        results=SimpleNamespace(add_pair=pairs.append),
        say=lambda _: None,
        need=lambda _: None,
        losses=lambda *_: losses,
    )


@pytest.mark.parametrize(
    ("insmod", "said", "log", "verdict", "seen"),
    [
        (
            *(1, INVALID, [OTHER, WHY], PairVerdict.as_expected),
            "refused: invalid module format, and the kernel says why",
        ),
        (1, INVALID, [OTHER], PairVerdict.differs, "refused: invalid module format"),
        (
            1,
            "insmod: can't insert 'x': File exists",
            [],
            PairVerdict.differs,
            "refused: File exists",
        ),
        (0, "", [], PairVerdict.silent, "inserted"),
    ],
)
def test_a_module_must_be_refused_for_its_kernel_and_the_kernel_must_say_so(
    tmp_path: Path, insmod: int, said: str, log: list[str], verdict: PairVerdict, seen: str
) -> None:
    pairs: list[Pair] = []
    board = Board(0, insmod, said, log)
    module = Module(kernel=OLD.kernel, module=tmp_path / "walnut_io.ko")

    pair = Mismatch(campaign(board, pairs), tmp_path).module(module, NEW)

    assert (pair.verdict, pair.seen, pair.subject) == (
        verdict,
        seen,
        f"walnut_io.ko of {OLD.kernel}, 2.1.0",
    )
    assert pairs == [pair]


def test_datagrams_that_a_refusal_cost_are_the_boards(tmp_path: Path) -> None:
    losses = Losses(frames=3, span_s=2.0, stalled_s=0.01)
    board = Board(0, 1, INVALID, [WHY])
    module = Module(kernel=OLD.kernel, module=tmp_path / "walnut_io.ko")

    pair = Mismatch(campaign(board, [], losses=losses), tmp_path).module(module, NEW)

    assert pair.verdict is PairVerdict.differs
    assert pair.harm == ("datagrams lost: 3",)


def test_datagrams_lost_while_the_rigs_computer_stood_still_say_nothing_of_the_board(
    tmp_path: Path,
) -> None:
    losses = Losses(frames=67, span_s=7.0, stalled_s=0.2)
    pairs: list[Pair] = []
    module = Module(kernel=OLD.kernel, module=tmp_path / "walnut_io.ko")

    mismatch = Mismatch(campaign(Board(0, 1, INVALID, [WHY]), pairs, losses=losses), tmp_path)

    with pytest.raises(BenchError, match=r"stood still for 0\.20 of 7 s"):
        mismatch.module(module, NEW)

    assert [pair.verdict for pair in pairs] == [PairVerdict.bench], "it is recorded all the same"


def test_a_board_is_brought_up_once_for_all_that_it_is_offered(tmp_path: Path) -> None:
    board = Board(0, 1, INVALID, [WHY])
    mismatch = Mismatch(campaign(board, []), tmp_path)
    module = Module(kernel=OLD.kernel, module=tmp_path / "walnut_io.ko")
    for _ in range(2):
        mismatch.module(module, NEW)
    assert board.boots == 1


def test_a_file_that_does_not_reach_the_board_is_no_refusal(tmp_path: Path) -> None:
    board = Board(1, 1, INVALID, [WHY])
    module = Module(kernel=OLD.kernel, module=tmp_path / "walnut_io.ko")

    pair = Mismatch(campaign(board, []), tmp_path).module(module, NEW)

    assert pair.verdict is PairVerdict.differs
    assert "cannot fetch" in pair.seen
    assert board.off
