# SPDX-License-Identifier: MIT
"""Firmware with one seeded defect each: firmware/defects/, what the rig must be able to see."""

import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware.build import shell
from firmware.build.errors import BuildError
from firmware.build.plan import FIRMWARE

FOLDER = FIRMWARE / "defects"
OUT = FOLDER / "out"  # links, one a defect
FORMAT = 1


def names() -> list[str]:
    """Return the defects of the board's software; those of the bench have nothing to build."""
    table = tomllib.loads((FOLDER / "defects.toml").read_text())
    if table["format"] != FORMAT:
        raise BuildError(f"{FOLDER}/defects.toml has format {table['format']}, not {FORMAT}")
    found = [name for name, entry in table["defect"].items() if "fault" not in entry]
    patches = {path.stem for path in FOLDER.glob("*.patch")}
    if patches != set(found):
        raise BuildError(
            f"{FOLDER}: defects.toml and the patches differ: {sorted(patches ^ set(found))}"
        )
    return found


def chosen(wanted: Iterable[str]) -> list[str]:
    """Return the named defects, all when none is named.

    Raises:
        BuildError: one is not known.
    """
    known = names()
    if unknown := [name for name in wanted if name not in known]:
        raise BuildError(f"no defect {unknown[0]!r}; known: {', '.join(known)}")
    return [name for name in known if name in wanted] or known


@contextmanager
def patched_board(name: str) -> Iterator[Path]:
    """Give a copy of firmware/board with the defect in it.

    Raises:
        BuildError: the patch does not apply any more: the code that it breaks has changed.
    """
    with tempfile.TemporaryDirectory(prefix=f"defect-{name}-") as scratch:
        board = Path(scratch) / "board"
        shutil.copytree(FIRMWARE / "board", board, symlinks=True)
        command = ["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "-d", scratch]
        shell.output([*command, "-i", FOLDER / f"{name}.patch"])
        yield board
