# SPDX-License-Identifier: MIT
"""The flash map and the views of it that the board's software is built with."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from firmware.build.errors import BuildError

PATH = Path(__file__).resolve().parents[1] / "flash-map.toml"


@dataclass(frozen=True, slots=True)
class Partition:
    """A named run of sectors, in bytes from the start of the flash."""

    name: str
    offset: int
    size: int
    read_only: bool = False  # to Linux


@dataclass(frozen=True, slots=True)
class FlashMap:
    """The NOR flash: its geometry, where the CPU sees it, its partitions in flash order."""

    device_name: str
    size: int
    sector: int
    write_buffer: int
    cpu_base: int
    bus_base: int
    partitions: tuple[Partition, ...]

    @classmethod
    def load(cls, path: Path = PATH) -> "FlashMap":
        """Read and check the map."""
        table = tomllib.loads(path.read_text())
        device = table["device"]
        flash_map = cls(
            device_name=device["name"],
            **{key: device[key] for key in ("size", "sector", "write_buffer")},
            **{key: device[key] for key in ("cpu_base", "bus_base")},
            partitions=tuple(Partition(**entry) for entry in table["partition"]),
        )
        flash_map.check(path)
        return flash_map

    def check(self, path: Path) -> None:
        """Refuse partitions that overlap, leave a gap or do not start on a sector.

        A gap would shift the numbers of Linux' MTD devices against the order in this file.
        """
        end = 0
        for partition in self.partitions:
            if partition.offset != end or partition.size % self.sector or partition.size <= 0:
                raise BuildError(
                    f"{path}: partition {partition.name!r} must start at {end:#x}, where the one "
                    f"before it ends, and be whole sectors of {self.sector:#x} bytes"
                )
            end = partition.offset + partition.size
        if end != self.size:
            raise BuildError(f"{path}: the partitions end at {end:#x}, the flash at {self.size:#x}")

    def partition(self, name: str) -> Partition:
        """Find a partition by its name."""
        for partition in self.partitions:
            if partition.name == name:
                return partition
        raise BuildError(f"the flash map has no partition {name!r}")

    def cpu_address(self, name: str) -> int:
        """Where U-Boot sees a partition."""
        return self.cpu_base + self.partition(name).offset

    def mtd_device(self, name: str) -> str:
        """Linux' character device of a partition: numbered in the order of `mtdparts()`."""
        return f"/dev/mtd{self.partitions.index(self.partition(name))}"


def mtdparts(flash_map: FlashMap) -> str:
    """Partitions for the kernel's command line (drivers/mtd/parsers/cmdlinepart.c)."""
    parts = (
        f"{part.size // 1024}k({part.name}){'ro' if part.read_only else ''}"
        for part in flash_map.partitions
    )
    return f"{flash_map.device_name}:{','.join(parts)}"


def u_boot_header(flash_map: FlashMap) -> str:
    """`include/configs/walnut-flash-map.h`: what our patch and the environment refer to."""
    lines = {
        "CONFIG_SYS_FLASH_BASE": f"{flash_map.cpu_base:#x}",
        "CONFIG_SYS_FLASH_BANKS_LIST": f"{{ {flash_map.bus_base:#x}ull }}",
        "WALNUT_FLASH_BUS_BASE": f"{flash_map.bus_base:#x}ull",
        "WALNUT_FLASH_SIZE": f"{flash_map.size:#x}",
        "WALNUT_MTDPARTS": mtdparts(flash_map),
        "WALNUT_SLOT_A": f"{flash_map.cpu_address('slot-a'):#x}",
        "WALNUT_SLOT_B": f"{flash_map.cpu_address('slot-b'):#x}",
    }
    body = "".join(f"#define {name} {value}\n" for name, value in lines.items())
    return f"/* Generated from flash-map.toml */\n{body}"


def u_boot_config(flash_map: FlashMap) -> str:
    """Kconfig lines: geometry, and the redundant environment, a whole sector each."""
    environment = flash_map.partition("env")
    return (
        f"CONFIG_SYS_MAX_FLASH_SECT={flash_map.size // flash_map.sector}\n"
        f"CONFIG_ENV_SIZE={environment.size:#x}\n"
        f"CONFIG_ENV_SECT_SIZE={flash_map.sector:#x}\n"
        f"CONFIG_ENV_ADDR={flash_map.cpu_address('env'):#x}\n"
        f"CONFIG_ENV_ADDR_REDUND={flash_map.cpu_address('env-redund'):#x}\n"
    )


def fw_env_config(flash_map: FlashMap) -> str:
    """`/etc/fw_env.config`: device, offset, size, sector size, number of sectors."""
    lines = "".join(
        f"{flash_map.mtd_device(name)} 0x0 {flash_map.partition(name).size:#x} "
        f"{flash_map.sector:#x} {flash_map.partition(name).size // flash_map.sector}\n"
        for name in ("env", "env-redund")
    )
    return f"# Generated from flash-map.toml\n{lines}"
