# SPDX-License-Identifier: MIT
"""The proof that the rig can see is itself one that can fail."""

from pathlib import Path
from typing import Any

import pytest

from tools import mutants
from tools.mutants import BENCH, GOOD, PRODUCT, Ended, Trials, seen

BOTH = {
    "campaign": "cycle",
    "finds": "fallback",
    "fault": "board.weak-flash 500",
    "sound": "failed verify",
}
CLEAN = Ended(GOOD, {}, "")


def cycle(ended_on: str) -> Ended:
    """Return how a cycle ends whose first step ended so."""
    step = {"name": "cycle 1 up", "ended_on": ended_on, "error": None}
    return Ended(PRODUCT, {"steps": [step], "pairs": None}, "")


def pairs(verdict: str) -> Ended:
    pair = {"subject": "layout 3, 2.0.0", "seen": "runs", "verdict": verdict}
    return Ended(PRODUCT, {"pairs": [pair]}, "")


@pytest.mark.parametrize(
    ("finds", "ended", "found"),
    [
        ("fallback", cycle("fallback"), "cycle 1 up: fallback"),
        ("fallback", cycle("failed verify"), ""),
        ("fallback", cycle("fallback")._replace(code=BENCH), ""),
        ("silent", pairs("silent"), "layout 3, 2.0.0: runs"),
        ("silent", pairs("differs"), ""),
        ("differs", pairs("silent"), "layout 3, 2.0.0: runs"),
        (
            "boot loop",
            Ended(PRODUCT, {}, "error (the board): boot loop: the PROM has started 6 times"),
            "error (the board): boot loop: the PROM has started 6 times",
        ),
        ("boot loop", Ended(PRODUCT, {}, "boot loop"), ""),
        (
            "the heartbeat comes every",
            Ended(BENCH, {}, "error (the lab must act): the heartbeat comes every 1.100 ms"),
            "error (the lab must act): the heartbeat comes every 1.100 ms",
        ),
    ],
)
def test_a_defect_is_seen_by_its_own_sign_alone(finds: str, ended: Ended, found: str) -> None:
    assert seen(finds, ended) == found


@pytest.mark.parametrize(
    ("without_fault", "with_fault", "cries_wolf"),
    [
        (CLEAN, cycle("failed verify"), False),
        (CLEAN, cycle("fallback"), True),  # no better than the defective board
        (CLEAN, CLEAN, True),  # the fault did nothing
        (cycle("failed verify"), cycle("failed verify"), True),
    ],
)
def test_a_sound_board_has_to_bear_the_fault_that_shows_a_defect(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    without_fault: Ended,
    with_fault: Ended,
    cries_wolf: bool,
) -> None:
    def run(campaign: str, index: Path, folder: Path, fault: str = "") -> Ended:
        assert (campaign, index) == ("cycle", mutants.GOOD_FIRMWARE)
        assert not folder.exists()
        return with_fault if fault else without_fault

    monkeypatch.setattr(mutants, "run", run)
    trials = Trials(tmp_path)

    trials.check_clean(BOTH)

    assert trials.cries_wolf is cries_wolf


@pytest.mark.parametrize(
    ("name", "firmware", "fault"),
    [
        ("write-unverified", "defects/out/write-unverified/index.json", "board.weak-flash 500"),
        ("two-commits", "defects/out/two-commits/index.json", ""),
        ("late-cut", "out/index.json", "interposer.late"),
    ],
)
def test_a_defect_is_a_patch_or_a_fault_or_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, firmware: str, fault: str
) -> None:
    asked: list[Any] = []

    def run(campaign: str, index: Path, folder: Path, fault: str = "") -> Ended:
        del campaign, folder
        asked.append((index.relative_to(mutants.ROOT / "firmware").as_posix(), fault))
        return cycle("fallback")

    monkeypatch.setattr(mutants, "run", run)
    entry = {"campaign": "cycle", "finds": "fallback"} | ({"fault": fault} if fault else {})

    assert Trials(tmp_path).find(name, entry) == "cycle 1 up: fallback"
    assert asked == [(firmware, fault)]
