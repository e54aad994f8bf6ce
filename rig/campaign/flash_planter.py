# SPDX-License-Identifier: MIT
"""Writes behind the updater's back: golden flashes with other bytes in them, and stored states.

All goes through the interposer while the board is off.
"""

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from rig.board.catalogue import Release
from rig.board.walnut import boot_environment
from rig.drivers.console import drain
from rig.drivers.strategy import Status
from rig.place.place import Place

SESSION, VALUE = 0x57414C4E5554, 42  # "WALNUT", and what is stored in it
STORE_LIMIT_S = 10.0
FUTURE = 3  # a layout that no release knows
ERASED = b"\xff"


class Planter:
    """Programs the flash of one place; `file` is where it is put together."""

    def __init__(self, place: Place, file: Path, say: Callable[[str], None]) -> None:
        self._place = place
        self._file = file
        self._say = say
        self._states: dict[int, bytes] = {}

    def stored(self, layout: int) -> bytes:
        """Return a data partition with a state of `layout`, written by a release that writes it."""
        if layout not in self._states:
            place = self._place
            writer = self._writer(layout)
            self._say(f"having {writer} store a state of layout {layout}")
            self.program(writer, {})
            place.boot()
            place.service.store(SESSION, VALUE, STORE_LIMIT_S)
            if layout == FUTURE:
                place.shell.run(_store(future_state()))
            place.shell.run("mount -o remount,ro /data")
            place.strategy.transition(Status.off)
            data = place.flash_map.partition("data")
            self._states[layout] = place.need("interposer").read(data.offset, data.size)
        return self._states[layout]

    def _writer(self, layout: int) -> Release:
        releases = list(self._place.catalogue.sound.values())
        found = [release for release in releases if release.state_layout == layout]
        return found[-1] if found else releases[-1]

    def other(self, release: Release, layout: int) -> Release:
        """Return what a board with a state of `layout` runs while `release` is tried.

        A release that reads the state; another one than `release`, if another one does.
        """
        readers = [found for found in self._place.catalogue.sound.values() if found.reads(layout)]
        return next((found for found in readers if found.name != release.name), readers[0])

    def program(
        self, golden: Release, parts: Mapping[str, bytes], *, pending: bool = False
    ) -> None:
        """Program `golden` with other `parts`; `pending` has slot b tried, unconfirmed."""
        place = self._place
        place.catalogue.verify(golden)
        flash = bytearray(golden.golden.read_bytes())
        environment = place.flash_map.partition("env")
        if pending:
            block = bytes(flash[environment.offset : environment.end])
            parts = {**parts, "env": boot_environment.pending(block, "b", "a")}
        for name, content in parts.items():
            partition = place.flash_map.partition(name)
            flash[partition.offset : partition.end] = content.ljust(partition.size, ERASED)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_bytes(flash)
        place.power_path.feed()
        place.strategy.transition(Status.off)
        drain(place.console)
        place.need("interposer").restore(self._file)


def future_state() -> bytes:
    """Return an empty but whole state of a layout that no release knows.

    Format: firmware/board/walnutd/state.h; the CRC-32 lies in bytes 20 to 23.
    """
    blank = b"WST1" + FUTURE.to_bytes(2, "big") + bytes(2) + (9).to_bytes(8, "big") + bytes(16)
    return blank[:20] + zlib.crc32(blank).to_bytes(4, "big") + blank[24:]


def _store(state: bytes) -> str:
    """Return the shell command that has `state` replace what is stored."""
    octal = "".join(f"\\{byte:03o}" for byte in state)
    return f"rm /data/state.*; printf '{octal}' >/data/state.0; sync"
