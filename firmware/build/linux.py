# SPDX-License-Identifier: MIT
"""A kernel from Debian's linux-source package, and a tree to build modules against it."""

import gzip
import shutil
from dataclasses import dataclass
from pathlib import Path

from firmware.build import shell
from firmware.build.errors import BuildError
from firmware.build.kconfig import require
from firmware.build.step import Context, Step, file_digest

ARCH = ("ARCH=powerpc", "CROSS_COMPILE=powerpc-linux-gnu-")
# What `make M=… modules` reads of a built tree; the rest, a gigabyte of it, is not kept.
MODULE_TREE = (
    "Makefile",
    ".config",
    "Module.symvers",
    "scripts",
    "include",
    "arch/powerpc/Makefile",
    "arch/powerpc/Makefile.postlink",
    "arch/powerpc/include",
    "arch/powerpc/lib/crtsavres.o",
    "arch/powerpc/kernel/module.lds",
)


@dataclass(frozen=True)
class KernelPin:
    """A series, the package that holds its source, the version and hash it should have."""

    series: str
    package: str
    file: Path
    version: str
    sha256: str


def linux_step(config: Path, pin: KernelPin, installed: str, toolchain: str) -> Step:
    """`installed` is the version of the package that is there; it may differ from the pin."""
    fragment = config.read_text()

    def make(context: Context) -> None:
        if installed == pin.version and file_digest(pin.file) != pin.sha256:
            raise BuildError(
                f"{pin.file} is of version {installed}, as pinned, but its SHA-256 is not: "
                f"reinstall {pin.package}"
            )
        tree = _unpack(context, pin)
        (context.work / "walnut.config").write_text(fragment)
        _make(context, tree, f"KCONFIG_ALLCONFIG={context.work}/walnut.config", "allnoconfig")
        require(fragment, tree / ".config")
        _make(context, tree, "vmlinux", "modules")
        _keep_kernel(context, tree)
        _keep_module_tree(tree, context.out / "tree")

    inputs = {"config": fragment, "pin": repr(pin), "installed": installed, "toolchain": toolchain}
    return Step(f"linux-{pin.series}", make, inputs)


def _unpack(context: Context, pin: KernelPin) -> Path:
    command = ["tar", "--extract", "--file", pin.file, "--strip-components=1"]
    tree = context.work / "linux"
    tree.mkdir()
    shell.run(command, cwd=tree, log=context.log, env=context.env)
    return tree


def _make(context: Context, tree: Path, *targets: str) -> None:
    command = ["make", "-s", f"-j{context.jobs}", *ARCH, *targets]
    shell.run(command, cwd=tree, log=context.log, env=context.env)


def _keep_kernel(context: Context, tree: Path) -> None:
    raw = context.work / "vmlinux.bin"
    command = ["powerpc-linux-gnu-objcopy", "-O", "binary", tree / "vmlinux", raw]
    shell.run(command, cwd=tree, log=context.log, env=context.env)
    (context.out / "kernel.gz").write_bytes(gzip.compress(raw.read_bytes(), 9, mtime=0))
    release = (tree / "include/config/kernel.release").read_text()
    (context.out / "release").write_text(release)


def _keep_module_tree(tree: Path, target: Path) -> None:
    for name in MODULE_TREE:
        source = tree / name
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target / name, symlinks=True)
        elif source.exists():
            shutil.copy2(source, target / name)
