# SPDX-License-Identifier: MIT
"""Combinations that a board may meet: what a good one does with each, and what this one did."""

import enum
from dataclasses import dataclass

from rig.release import BadBundle, Release

PARTS = {
    "bundle": "Bad bundles, offered to a running board",
    "kernel": "Kernel and root file system, written behind the updater's back",
    "prom": "PROM and release",
    "state": "Stored state and release",
    "move": "Stored state and a change of release",
}


class Verdict(enum.Enum):
    """How what was seen compares with what was expected."""

    as_expected = "as expected"
    differs = "differs"
    silent = "silent"  # accepted what it had to refuse: the worst there is
    bench = "bench"  # equipment failed: says nothing of the board


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One combination.  `harm` is what went wrong beside the answer: lost datagrams, writes."""

    part: str  # a key of PARTS
    subject: str
    expected: str
    seen: str
    accepted: bool  # the board took what it was given
    detail: str = ""
    harm: tuple[str, ...] = ()
    duration_s: float = 0.0
    error: str = ""  # of the bench

    @property
    def verdict(self) -> Verdict:
        if self.error:
            return Verdict.bench
        if self.seen == self.expected and not self.harm:
            return Verdict.as_expected
        refuses = not self.expected.startswith("runs")
        return Verdict.silent if self.accepted and refuses else Verdict.differs


def runs(release: str) -> str:
    return f"runs {release}"


def falls_back(release: str) -> str:
    return f"falls back to {release}"


def gave_up(reason: str) -> str:
    return f"gave up: {reason}"


def refused(reason: str) -> str:
    return f"refused: {reason}"


def of_bundle(bad: BadBundle) -> str:
    """Say what a good board does with a bad bundle."""
    return refused(bad.expect)


def of_kernel(kernel: str, release: Release, old: Release) -> str:
    """Say what a good board does with `release`'s root file system under `kernel`, unconfirmed."""
    return runs(release.name) if kernel == release.kernel else falls_back(old.name)


def of_state(layout: int, release: Release) -> str:
    """Say what `release` does with a state of `layout` that it finds."""
    if release.state_layout_min <= layout <= release.state_layout:
        return f"runs, keeps it, writes layout {release.state_layout}"
    return "answers, stores nothing, leaves it alone"


def of_move(layout: int, to: Release) -> str:
    """Say what becomes of a good bundle of `to` while a state of `layout` is stored."""
    if to.state_layout_min <= layout <= to.state_layout:
        return f"{runs(to.name)}, state kept"
    return refused("state")
