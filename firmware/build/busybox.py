# SPDX-License-Identifier: MIT
"""A static BusyBox with the applets that the board asks for."""

from pathlib import Path

from firmware.build import shell
from firmware.build.kconfig import merge, require
from firmware.build.sources import SourcePin, blamed, source_step, unpack
from firmware.build.step import Context, Step

CROSS = "powerpc-linux-gnu-"
# No instruction that a 405 lacks (an e500's isel), and none that the stand-in's e500 lacks (a 405's
# multiply-accumulate and dlmzb).  Floating point stays in, as in Debian's libc, whose calling
# convention is hard-float: neither core has it, the kernel emulates it on both.
CPU_FLAGS = "-mcpu=405 -mhard-float -mno-mulhw -mno-dlmzb"


def busybox_step(base: Path, applets: Path, pin: SourcePin, toolchain: str) -> Step:
    """Plan it: `base` is our configuration, `applets` the board's list of CONFIG_ lines."""
    fragment = base.read_text() + _normal(applets.read_text())
    fragment += f'CONFIG_EXTRA_CFLAGS="{CPU_FLAGS}"\n'

    def make(context: Context) -> None:
        with blamed(pin):
            build(context)

    def build(context: Context) -> None:
        tree = unpack(pin, context.needs["source"], context, context.log)
        # This kconfig takes no booleans from KCONFIG_ALLCONFIG: merge by hand.
        _make(context, tree, "allnoconfig")
        merge(fragment, tree / ".config")
        _make(context, tree, "oldconfig")
        require(fragment, tree / ".config")
        _make(context, tree, "busybox", "busybox.links")
        for name in ("busybox", "busybox.links"):
            (tree / name).rename(context.out / name)

    inputs = {"config": fragment, "pin": repr(pin), "toolchain": toolchain}
    return Step("busybox", make, inputs, {"source": source_step(pin)})


def _make(context: Context, tree: Path, *targets: str) -> None:
    command = ["make", "-s", f"-j{context.jobs}", f"CROSS_COMPILE={CROSS}", "ARCH=powerpc"]
    # SKIP_STRIP is BusyBox' own switch for leaving symbols in: keep it off
    shell.run([*command, *targets], cwd=tree, log=context.log, env=context.env)


def _normal(applets: str) -> str:
    """One CONFIG_ name a line; `=y` may be left out."""
    lines = []
    for line in (line.strip() for line in applets.splitlines()):
        bare = line.startswith("CONFIG_") and "=" not in line
        lines.append(f"{line}=y" if bare else line)
    return "\n".join(lines) + "\n"
