# SPDX-License-Identifier: MIT
"""U-Boot for the board, its default environment, and fw_printenv for the root file system.

The same U-Boot under several names (`CONFIG_LOCALVERSION`): PROMs that an update can tell apart.
"""

from pathlib import Path

from firmware.build import shell
from firmware.build.errors import BuildError
from firmware.build.flash_map import FlashMap, mtdparts, u_boot_config, u_boot_header
from firmware.build.kconfig import merge, require
from firmware.build.sources import SourcePin, apply, blamed, source_step, unpack
from firmware.build.step import Context, Step, folder_digest

CROSS = "powerpc-linux-gnu-"
BOARD = Path("board/emulation/qemu-ppce500")
DEFCONFIG = Path("configs/qemu-ppce500_defconfig")
FIRST, SECOND, FALLBACK = LOCAL_VERSIONS = ("-walnut", "-walnut2", "-walnut-fallback")


def u_boot_step(sources: Path, pin: SourcePin, flash_map: FlashMap, toolchain: str) -> Step:
    """Plan it: `sources` is firmware/u-boot: our patch, our configuration, our environment."""
    fragment = (sources / "walnut.config").read_text() + u_boot_config(flash_map)
    header = u_boot_header(flash_map)

    def make(context: Context) -> None:
        with blamed(pin):
            build(context)

    def build(context: Context) -> None:
        tree = unpack(pin, context.needs["source"], context, context.log)
        apply(sorted(sources.glob("*.patch")), pin, tree, context)
        _prepare(tree, context, sources, header, fragment)
        _make(context, tree, "u-boot-initial-env")
        (context.out / "proms").mkdir()
        for local in LOCAL_VERSIONS:
            _prom(context, tree, local)
        text = (tree / "u-boot-initial-env").read_text()
        _check_environment(text, flash_map)
        (context.out / "environment").write_text(text)
        _make(context, tree, "envtools", "HOSTLDFLAGS=-static")
        strip = [f"{CROSS}strip", "-o", context.out / "fw_printenv", tree / "tools/env/fw_printenv"]
        shell.run(strip, cwd=tree, log=context.log, env=context.env)

    inputs = {
        "sources": folder_digest(sources),
        "header": header,
        "fragment": fragment,
        "pin": repr(pin),
        "toolchain": toolchain,
    }
    return Step("u-boot", make, inputs, {"source": source_step(pin)})


def _prepare(tree: Path, context: Context, sources: Path, header: str, fragment: str) -> None:
    (tree / "include/configs/walnut-flash-map.h").write_text(header)
    environment = (sources / "walnut.env").read_text()
    (tree / BOARD / "qemu-ppce500.env").write_text(environment)
    merge(fragment, tree / DEFCONFIG)
    _make(context, tree, DEFCONFIG.name)
    require(fragment, tree / ".config")


def _prom(context: Context, tree: Path, local: str) -> None:
    """Leave a U-Boot in proms/, under the version that it says in its banner."""
    merge(f'CONFIG_LOCALVERSION="{local}"\n', tree / ".config")
    _make(context, tree, "u-boot")
    version = (tree / "include/config/uboot.release").read_text().strip()
    if not version.endswith(local):
        raise BuildError(f"U-Boot calls itself {version!r}, wanted {local!r} at its end")
    prom = context.out / "proms" / version
    shell.run(
        [f"{CROSS}strip", "-o", prom, tree / "u-boot"], cwd=tree, log=context.log, env=context.env
    )
    prom.chmod(0o644)


def _make(context: Context, tree: Path, *targets: str) -> None:
    flags = f"-ffile-prefix-map={tree}=."
    command = ["make", "-s", f"-j{context.jobs}", f"CROSS_COMPILE={CROSS}", f"KCFLAGS={flags}"]
    shell.run([*command, *targets], cwd=tree, log=context.log, env=context.env)


def _check_environment(text: str, flash_map: FlashMap) -> None:
    """See, for the C preprocessor went over it, that it left the flash map alone."""
    expected = f"flash_map={mtdparts(flash_map)}"
    if expected not in text.splitlines():
        raise BuildError(f"U-Boot's default environment lacks the line {expected!r}:\n{text}")
