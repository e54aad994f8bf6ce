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
SOURCES = ("board", "u-boot")  # what a patch may change; a kernel takes too long to build
FORMAT = 1


def names() -> list[str]:
    """Return the defects of the board's software; those of the bench alone build nothing."""
    table = tomllib.loads((FOLDER / "defects.toml").read_text())
    if table["format"] != FORMAT:
        raise BuildError(f"{FOLDER}/defects.toml has format {table['format']}, not {FORMAT}")
    entries = table["defect"]
    patches = {path.stem for path in FOLDER.glob("*.patch")}
    empty = {name for name, entry in entries.items() if "fault" not in entry} - patches
    if wrong := (patches - set(entries)) | empty:
        raise BuildError(f"{FOLDER}: defects.toml and the patches differ: {sorted(wrong)}")
    return [name for name in entries if name in patches]


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
def patched(name: str) -> Iterator[Path]:
    """Give a folder with copies of firmware/board and firmware/u-boot, the defect in them.

    Raises:
        BuildError: the patch does not apply any more: the code that it breaks has changed.
    """
    with tempfile.TemporaryDirectory(prefix=f"defect-{name}-") as scratch:
        for source in SOURCES:
            shutil.copytree(FIRMWARE / source, Path(scratch) / source, symlinks=True)
        command = ["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "-d", scratch]
        shell.output([*command, "-i", FOLDER / f"{name}.patch"])
        yield Path(scratch)
