# SPDX-License-Identifier: MIT
"""The flash of the board, as firmware/flash-map.toml divides it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rig.board.typed_tables import check_format, get, record
from rig.errors import UsageError

FLASH_MAP = (Path(__file__).parents[1] / "shipped" / "flash-map.toml").resolve()


@dataclass(frozen=True, slots=True)
class Partition:
    """A named range of the flash, in bytes."""

    name: str
    offset: int
    size: int

    @property
    def end(self) -> int:
        return self.offset + self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashMap:
    """The rig's view of firmware/flash-map.toml; sizes in bytes."""

    device_name: str
    size: int
    sector: int
    write_buffer: int
    cpu_base: int
    bus_base: int
    partitions: tuple[Partition, ...]

    @classmethod
    def load(cls, path: Path = FLASH_MAP) -> Self:
        """Read the map.

        Raises:
            UsageError: the file is missing, not TOML, or a key of it is; names both.
        """
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} is no flash map: {error}") from error
        check_format(document, path)
        device = get(document, "device", dict, path)
        parts = get(document, "partition", list, path)
        return cls(
            device_name=get(device, "name", str, path, "device."),
            size=get(device, "size", int, path, "device."),
            sector=get(device, "sector", int, path, "device."),
            write_buffer=get(device, "write_buffer", int, path, "device."),
            cpu_base=get(device, "cpu_base", int, path, "device."),
            bus_base=get(device, "bus_base", int, path, "device."),
            partitions=tuple(
                record(Partition, part, path, f"partition[{number}].")
                for number, part in enumerate(parts)
            ),
        )

    def partition(self, name: str) -> Partition:
        """Return the partition called `name`.

        Raises:
            UsageError: there is none.
        """
        for partition in self.partitions:
            if partition.name == name:
                return partition
        known = ", ".join(partition.name for partition in self.partitions)
        raise UsageError(f"no partition {name!r} in the flash map; known: {known}")

    def at(self, offset: int) -> Partition:
        """Return the partition that byte `offset` lies in.

        Raises:
            UsageError: the flash is not that large.
        """
        for partition in self.partitions:
            if partition.offset <= offset < partition.end:
                return partition
        raise UsageError(f"flash offset {offset:#x} lies in no partition")
