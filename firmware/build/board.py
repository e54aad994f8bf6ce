# SPDX-License-Identifier: MIT
"""The board's own programs: the service for each release, the driver module for each kernel."""

import shutil
from pathlib import Path

from firmware.build import shell
from firmware.build.busybox import CPU_FLAGS, CROSS
from firmware.build.release_image import ReleasePlan
from firmware.build.step import Context, Step, folder_digest


def service_step(sources: Path, plan: ReleasePlan, toolchain: str) -> Step:
    """Walnutd, which carries its release and the layout of its state."""

    def make(context: Context) -> None:
        tree = context.work / "walnutd"
        shutil.copytree(sources, tree, ignore=shutil.ignore_patterns("*.o"))
        command = [
            *("make", f"-j{context.jobs}", f"CC={CROSS}gcc", f"OUT={context.out}"),
            f"MACHINE={CPU_FLAGS}",
            *(f"RELEASE={plan.name}", f"SERVICE_LEVEL={plan.service_level}"),
            *(f"STATE_LAYOUT={plan.state_layout}", f"STATE_LAYOUT_MIN={plan.state_layout_min}"),
        ]
        shell.run(command, cwd=tree, log=context.log, env=context.env)
        strip = [f"{CROSS}strip", context.out / "walnutd"]
        shell.run(strip, cwd=tree, log=context.log, env=context.env)

    inputs = {
        "sources": folder_digest(sources),
        "plan": repr(plan),
        "toolchain": toolchain,
    }
    return Step(f"walnutd-{plan.name}", make, inputs)


def module_step(sources: Path, linux: Step, series: str, toolchain: str) -> Step:
    """walnut_io.ko against one kernel's tree."""

    def make(context: Context) -> None:
        tree = context.work / "walnut_io"
        shutil.copytree(sources, tree, ignore=shutil.ignore_patterns("*.o", "*.ko", ".*.cmd"))
        # The kernel's own make writes into its tree: work on a copy, the cache stays as it is.
        kernel = context.work / "linux"
        shutil.copytree(context.needs["linux"] / "tree", kernel, symlinks=True)
        command = [
            *("make", f"-j{context.jobs}", f"KERNEL={kernel}", f"OUT={context.out}"),
            *("ARCH=powerpc", f"CROSS_COMPILE={CROSS}"),
            f"KCFLAGS=-Werror -ffile-prefix-map={tree}=. -ffile-prefix-map={kernel}=linux",
        ]
        shell.run(command, cwd=tree, log=context.log, env=context.env)
        strip = [f"{CROSS}strip", "--strip-debug", context.out / "walnut_io.ko"]
        shell.run(strip, cwd=tree, log=context.log, env=context.env)

    inputs = {"sources": folder_digest(sources), "toolchain": toolchain}
    return Step(f"walnut_io-{series}", make, inputs, {"linux": linux})
