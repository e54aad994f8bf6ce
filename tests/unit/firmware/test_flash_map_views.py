# SPDX-License-Identifier: MIT
"""The views of the flash that are generated from firmware/flash-map.toml fit it and each other."""

import re
from pathlib import Path

import pytest

from firmware.build.errors import BuildError
from firmware.build.flash_map import (
    PATH,
    FlashMap,
    fw_env_config,
    mtdparts,
    u_boot_config,
    u_boot_header,
)

FLASH_MAP = FlashMap.load()


def test_linux_sees_every_partition_in_its_place() -> None:
    device, _, listed = mtdparts(FLASH_MAP).partition(":")
    parts = re.findall(r"(\d+)k\(([^)]+)\)", listed)

    offset = 0
    for (size, name), partition in zip(parts, FLASH_MAP.partitions, strict=True):
        assert (name, offset) == (partition.name, partition.offset)
        offset += int(size) * 1024
    assert offset == FLASH_MAP.size
    assert device == FLASH_MAP.device_name


def test_linux_may_write_everything_but_the_fallback_prom() -> None:
    listed = mtdparts(FLASH_MAP).partition(":")[2].split(",")

    assert [part for part in listed if part.endswith("ro")] == ["896k(prom-fallback)ro"]


def test_u_boot_and_linux_find_the_environment_in_the_same_sectors() -> None:
    config = dict(line.split("=", 1) for line in u_boot_config(FLASH_MAP).splitlines())
    devices = [line.split() for line in fw_env_config(FLASH_MAP).splitlines()[1:]]

    for key, name, (device, offset, size, sector, _) in zip(
        ("CONFIG_ENV_ADDR", "CONFIG_ENV_ADDR_REDUND"), ("env", "env-redund"), devices, strict=True
    ):
        partition = FLASH_MAP.partition(name)
        assert int(config[key], 16) - FLASH_MAP.cpu_base == partition.offset
        assert FLASH_MAP.partitions[int(device.removeprefix("/dev/mtd"))] == partition
        assert (int(offset, 16), int(size, 16)) == (0, int(config["CONFIG_ENV_SIZE"], 16))
        assert int(sector, 16) == FLASH_MAP.sector


def test_u_boot_boots_the_slots_that_linux_writes() -> None:
    header = dict(
        line.removeprefix("#define ").split(" ", 1)
        for line in u_boot_header(FLASH_MAP).splitlines()
        if line.startswith("#define")
    )

    for key, name in (("WALNUT_SLOT_A", "slot-a"), ("WALNUT_SLOT_B", "slot-b")):
        assert int(header[key], 16) - FLASH_MAP.cpu_base == FLASH_MAP.partition(name).offset


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("offset = 0x110000", "offset = 0x120000", "env-redund.*must start at 0x110000"),
        ("size = 0x0e0000", "size = 0x0e0001", "prom-fallback.*whole sectors"),
        ("size = 0x200000\n", "size = 0x100000\n", "partitions end at 0xf00000"),
    ],
)
def test_a_map_with_a_gap_is_refused_by_name(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = PATH.read_text()
    assert old in text
    path = tmp_path / "flash-map.toml"
    path.write_text(text.replace(old, new))

    with pytest.raises(BuildError, match=message):
        FlashMap.load(path)
