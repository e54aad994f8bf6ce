# SPDX-License-Identifier: MIT
"""A whole flash with one release in slot a: what a lab programs through JTAG."""

from firmware.build import shell
from firmware.build.errors import BuildError
from firmware.build.flash_map import FlashMap
from firmware.build.prom import Proms
from firmware.build.step import Context

ERASED = b"\xff"
# env_t in U-Boot's include/env_internal.h: CRC-32, then the flag byte of redundant environments
FLAG_OFFSET = 4
FLAG_OBSOLETE = b"\x00"  # ENV_REDUND_OBSOLETE, tools/env/fw_env.c


def golden(
    flash_map: FlashMap, proms: Proms, environments: tuple[bytes, bytes], data: bytes, image: bytes
) -> bytes:
    """Lay everything out; what is not named stays erased."""
    flash = bytearray(ERASED * flash_map.size)
    contents = {
        "prom": proms.first.partition("prom", flash_map),
        "prom-fallback": proms.fallback.partition("prom-fallback", flash_map),
        "env": environments[0],
        "env-redund": environments[1],
        "slot-a": image,
        "data": data,
    }
    for name, content in contents.items():
        partition = flash_map.partition(name)
        if len(content) > partition.size:
            raise BuildError(
                f"{name} holds {partition.size} bytes, {len(content)} are to go in: make the "
                "content smaller or the partition in flash-map.toml larger"
            )
        flash[partition.offset : partition.offset + len(content)] = content
    return bytes(flash)


def environments(text: str, flash_map: FlashMap, context: Context) -> tuple[bytes, bytes]:
    """Make the redundant pair: the first is in force, the second its older twin."""
    (context.work / "environment").write_text(text)
    command = ["mkenvimage", "-r", "-b", "-s", str(flash_map.partition("env").size)]
    command += ["-o", "environment.bin", "environment"]
    shell.run(command, cwd=context.work, log=context.log, env=context.env)
    first = (context.work / "environment.bin").read_bytes()
    # The CRC does not cover the flag byte.
    second = first[:FLAG_OFFSET] + FLAG_OBSOLETE + first[FLAG_OFFSET + 1 :]
    return first, second


def empty_data(flash_map: FlashMap, context: Context) -> bytes:
    """Make an empty JFFS2: every block is marked clean, so that mounting writes nothing."""
    folder = context.work / "empty"
    folder.mkdir()
    size = flash_map.partition("data").size
    command = ["mkfs.jffs2", "--big-endian", f"--eraseblock={flash_map.sector:#x}"]
    command += [f"--pad={size:#x}", "--faketime", "--squash", "--root=empty", "--output=data.jffs2"]
    shell.run(command, cwd=context.work, log=context.log, env=context.env)
    data = (context.work / "data.jffs2").read_bytes()
    if len(data) != size:
        raise BuildError(f"mkfs.jffs2 made {len(data)} bytes, the data partition has {size}")
    return data
