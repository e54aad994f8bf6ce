# SPDX-License-Identifier: MIT
"""Combinations that a board may meet: what a good one does with each, and what this one did."""

import enum
from dataclasses import dataclass
from typing import assert_never

from rig.board.catalogue import BadBundle, Module, Release

PARTS = {
    "bundle": "Bad bundles, offered to a running board",
    "module": "Driver module, inserted by hand into a running board",
    "kernel": "Kernel, root file system, PROM and stored state, written behind the updater's back",
    "prom": "PROM and release, nothing stored",
    "state": "PROM, stored state and release",
    "move": "Stored state and a change of release",
}


class PairVerdict(enum.Enum):
    """How what was seen compares with what was expected."""

    as_expected = "as expected"
    differs = "differs"
    silent = "silent"  # accepted what it had to refuse: the worst there is
    bench = "bench"  # equipment failed: says nothing of the board

    @property
    def bad(self) -> bool:
        """Tell whether it is the board's failure."""
        match self:
            case PairVerdict.differs | PairVerdict.silent:
                return True
            case PairVerdict.as_expected | PairVerdict.bench:
                return False
            case _:
                assert_never(self)


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
    def verdict(self) -> PairVerdict:
        if self.error:
            return PairVerdict.bench
        if self.seen == self.expected and not self.harm:
            return PairVerdict.as_expected
        refuses = not self.expected.startswith("runs")
        return PairVerdict.silent if self.accepted and refuses else PairVerdict.differs


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


def kept(text: str) -> str:
    return f"{text}, state kept"


def of_module(module: Module, release: Release) -> str:
    """Say what the kernel of `release`, which has its own module loaded, does with `module`.

    The words are BusyBox' for EEXIST and ENOEXEC (modutils/modutils.c).  Whether a module was built
    for it the kernel asks first, and says so (kernel/module/main.c, load_module); then, whether one
    of that name is there.
    """
    if module.kernel == release.kernel:
        return refused("File exists")
    return reported(refused("invalid module format"))


def reported(text: str) -> str:
    return f"{text}, and the kernel says why"


def of_kernel(kernel: str, release: Release, old: Release, layout: int) -> str:
    """Say what a good board does with `release`'s root file system under `kernel`, unconfirmed.

    It holds a state of `layout`, which `old` reads.
    """
    fits = kernel == release.kernel and release.reads(layout)
    return kept(runs(release.name) if fits else falls_back(old.name))


def of_state(layout: int, release: Release) -> str:
    """Say what `release` does with a state of `layout` that it finds."""
    if release.reads(layout):
        return f"runs, keeps it, writes layout {release.state_layout}"
    return "answers, stores nothing, leaves it alone"


def of_move(layout: int, to: Release) -> str:
    """Say what becomes of a good bundle of `to` while a state of `layout` is stored."""
    if to.reads(layout):
        return kept(runs(to.name))
    return refused("state")
