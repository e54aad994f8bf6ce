# SPDX-License-Identifier: MIT
"""The options of `rig sweep`, and what of them makes the sweep."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rig.errors import UsageError
from rig.faults.plan import Kind
from rig.sweep.key import WHATS
from rig.sweep.operations import DEFAULT_KINDS, TIMED, kinds_of
from rig.sweep.strata import POINTS_DEFAULT, points_of
from rig.sweep.strata import WHATS as TIMED_WHATS

if TYPE_CHECKING:
    from rig.place.file import PlaceFile

LONG_DEFAULT = 20
INTERPOSER = "interposer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `rig sweep`'s options; None: it depends on the kind of cut."""
    add = parser.add_argument
    add("--place", type=Path, action="append", required=True, help="place file; several: in turn")
    add("--from", dest="old", required=True, metavar="RELEASE")
    add("--to", dest="new", metavar="RELEASE", help="a PROM with --what prom; not needed with data")
    add("--what", default="upgrade", help="upgrade, downgrade, confirm, rollback, data or prom")
    add("--points", help="all, log, N[:seed], PHASE[:N] (default all); timed: N[:seed] (60)")
    add("--kinds", help=f"of {DEFAULT_KINDS},unstable; or timed, by the clock: no interposer")
    add("--seed", type=int, default=1, help="picks torn parts and samples (default 1)")
    add("--nested", type=int, default=1, metavar="DEPTH", help="2: cut the recovery, too")
    add("--long", type=int, help=f"points also cut for real (default {LONG_DEFAULT}; not timed)")
    add("--jobs", type=int, help="boards side by side (default: one for each --place)")
    add("--dry-run", action="store_true", help="count and name the operations, cut nothing")
    add("--report", type=Path, help="folder (default reports/sweep-…; the same command resumes)")
    add("--no-allure", action="store_true", help="skip the Allure report")


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Check everything that can be checked before a board moves; return what makes the sweep.

    Raises:
        UsageError: something of it is wrong.
    """
    from rig.board.catalogue import Catalogue  # noqa: PLC0415
    from rig.place.file import require  # noqa: PLC0415 # labgrid is slow

    if arguments.what not in WHATS:
        raise UsageError(f"--what is one of {', '.join(WHATS)}, not {arguments.what!r}")
    asked = kinds_of(arguments.kinds) if arguments.kinds else None
    if arguments.nested not in {1, 2}:
        raise UsageError(f"--nested is 1 or 2, not {arguments.nested}")
    jobs = arguments.jobs or len(arguments.place)
    if not 1 <= jobs <= len(arguments.place):
        raise UsageError(
            f"--jobs {jobs} needs as many places, there are {len(arguments.place)}: give a --place"
            " for each board"
        )
    places = [require(path) for path in arguments.place]
    kinds = asked or _default_kinds(places)
    if kinds == TIMED:
        points, long = _check_timed(arguments), 0
    else:
        points, long = _check_at_operations(arguments, places, kinds)
    catalogue = Catalogue.load(places[0].firmware_index)
    new = arguments.new or (arguments.old if arguments.what == "data" else None)
    if new is None:
        raise UsageError(f"--what {arguments.what} needs --to")
    old_release = catalogue.release(arguments.old)
    new_release = catalogue.target(arguments.what, new)
    return {
        "what": arguments.what,
        "old": arguments.old,
        "old_hash": old_release.golden_sha256,
        "new": new,
        "new_hash": new_release.bundle_sha256,
        "points": points,
        "kinds": [kind.value for kind in kinds],
        "seed": arguments.seed,
        "nested": arguments.nested,
        "long": long,
    }


def _default_kinds(places: "list[PlaceFile]") -> tuple[Kind, ...]:
    """Return the kinds that every one of these places can make."""
    if all(INTERPOSER in place.instruments for place in places):
        return kinds_of(DEFAULT_KINDS)
    return TIMED


def _check_at_operations(
    arguments: argparse.Namespace, places: "list[PlaceFile]", kinds: tuple[Kind, ...]
) -> tuple[str, int]:
    """Return what --points and --long are for cuts at operations."""
    names = ",".join(kind.value for kind in kinds)
    for place in places:
        why = f"cuts of kind {names} at an operation need one (a flash emulator); without: timed"
        place.need_instrument(INTERPOSER, why)
    long = LONG_DEFAULT if arguments.long is None else arguments.long
    return arguments.points or "all", long


def _check_timed(arguments: argparse.Namespace) -> str:
    """Return what --points is for cuts by the clock, and refuse what they cannot have."""
    if arguments.what not in TIMED_WHATS:
        raise UsageError(
            f"--kinds timed: {arguments.what} prints no line to cut at that the updater's way back"
            f" could repeat; of {', '.join(TIMED_WHATS)}"
        )
    if arguments.nested != 1:
        raise UsageError(
            "--nested 2 cuts at an operation of the recovery, and timed cuts know no operation"
        )
    if arguments.long:
        raise UsageError(
            f"--long {arguments.long}: a timed cut is always made for real, there is no short way"
        )
    points = arguments.points or POINTS_DEFAULT
    points_of(points, arguments.seed)
    return str(points)
