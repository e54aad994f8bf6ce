# SPDX-License-Identifier: MIT
"""A release: root file system, FIT image, manifest and bundle (docs/reference/bundle.md)."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firmware.build import shell
from firmware.build.cpio import RootFileSystem
from firmware.build.errors import BuildError
from firmware.build.step import Context

EMPTY_FOLDERS = ("bin", "data", "dev", "mnt", "proc", "run", "sbin", "sys", "usr/bin", "usr/sbin")
# One binary, told by its name what to do (firmware/board/walnutd)
WALNUTD_NAMES = ("walnut-fit", "walnut-flash", "walnut-probe", "walnut-prom", "walnut-state")

FIT_SOURCE = """/dts-v1/;
/ {{
    description = "walnut {release}";
    #address-cells = <1>;
    images {{
        kernel {{
            description = "Linux {kernel_release}";
            data = /incbin/("kernel.gz");
            type = "kernel"; arch = "ppc"; os = "linux"; compression = "gzip";
            load = <0>; entry = <0>;
            hash-1 {{ algo = "sha256"; }};
        }};
        ramdisk {{
            description = "root file system";
            data = /incbin/("ramdisk.gz");
            type = "ramdisk"; arch = "ppc"; os = "linux"; compression = "none";
            hash-1 {{ algo = "sha256"; }};
        }};
    }};
    configurations {{
        default = "walnut";
        walnut {{ kernel = "kernel"; ramdisk = "ramdisk"; }};
    }};
}};
"""


@dataclass(frozen=True)
class ReleasePlan:
    """What a release is made of, from firmware/releases.toml."""

    name: str
    board: str
    arch: str
    series: str
    service_level: int
    state_layout: int
    state_layout_min: int
    broken: str = ""  # on purpose: `driver`, whose module cannot be loaded


@dataclass(frozen=True)
class Parts:
    """Files that a root file system is put together from."""

    overlay: Path
    updater: Path
    prom_updater: Path
    busybox: Path
    fw_printenv: Path
    walnutd: Path
    module: Path
    fw_env_config: str


@dataclass(frozen=True)
class Image:
    """A FIT image and what its manifest says of it."""

    plan: ReleasePlan
    kernel_release: str
    kernel: bytes
    ramdisk: bytes
    data: bytes

    def manifest(self) -> dict[str, str]:
        """Keys in the order of docs/reference/bundle.md."""
        return {
            "manifest": "1",
            "release": self.plan.name,
            "board": self.plan.board,
            "arch": self.plan.arch,
            "image-size": str(len(self.data)),
            "image-sha256": hashlib.sha256(self.data).hexdigest(),
            "kernel-release": self.kernel_release,
            "kernel-offset": str(self.data.index(self.kernel)),
            "kernel-size": str(len(self.kernel)),
            "ramdisk-offset": str(self.data.index(self.ramdisk)),
            "ramdisk-size": str(len(self.ramdisk)),
            "state-layout": str(self.plan.state_layout),
            "state-layout-min": str(self.plan.state_layout_min),
        }


def ramdisk(plan: ReleasePlan, kernel_release: str, parts: Parts, epoch: int) -> bytes:
    """Compose the root file system, gzip-compressed."""
    root = RootFileSystem(epoch)
    for path in EMPTY_FOLDERS:
        root.folder(path)
    for path in ("usr", "etc", "lib", "var", "var/lock"):
        root.folder(path)
    root.folder("root", 0o700)
    root.folder("tmp", 0o1777)
    root.character_device("dev/console", 5, 1, 0o600)
    root.character_device("dev/null", 1, 3, 0o666)
    root.file("bin/busybox", (parts.busybox / "busybox").read_bytes(), 0o755)
    for applet in (parts.busybox / "busybox.links").read_text().split():
        root.link(applet.lstrip("/"), "/bin/busybox")
    root.file("usr/sbin/fw_printenv", parts.fw_printenv.read_bytes(), 0o755)
    root.link("usr/sbin/fw_setenv", "fw_printenv")
    root.file("usr/sbin/walnutd", parts.walnutd.read_bytes(), 0o755)
    for name in WALNUTD_NAMES:
        root.link(f"usr/sbin/{name}", "walnutd")
    root.file("usr/sbin/walnut-update", parts.updater.read_bytes(), 0o755)
    root.file("usr/sbin/walnut-update-prom", parts.prom_updater.read_bytes(), 0o755)
    module = parts.module.read_bytes()
    if plan.broken == "driver":
        module = module[: len(module) // 2]
    root.file(f"lib/modules/{kernel_release}/walnut_io.ko", module)
    root.overlay(parts.overlay)
    root.file("etc/fw_env.config", parts.fw_env_config.encode())
    root.file("etc/walnut-release", release_file(plan, kernel_release).encode())
    return gzip.compress(root.archive(), 9, mtime=0)


def release_file(plan: ReleasePlan, kernel_release: str) -> str:
    """Say what a root file system is; the updater compares it with the manifest."""
    return (
        f"RELEASE={plan.name}\nBOARD={plan.board}\nARCH={plan.arch}\n"
        f"STATE_LAYOUT={plan.state_layout}\nSTATE_LAYOUT_MIN={plan.state_layout_min}\n"
        f"KERNEL={kernel_release}\n"
    )


def fit_image(
    plan: ReleasePlan,
    kernel: bytes,
    kernel_release: str,
    root: bytes,
    context: Context,
    *,
    template: str = FIT_SOURCE,
) -> Image:
    """Have mkimage put kernel and ramdisk into one FIT image with a SHA-256 each."""
    name = hashlib.sha256(kernel + root + template.encode()).hexdigest()[:16]
    folder = context.work / f"fit-{name}"
    folder.mkdir()
    (folder / "kernel.gz").write_bytes(kernel)
    (folder / "ramdisk.gz").write_bytes(root)
    source = template.format(release=plan.name, kernel_release=kernel_release)
    (folder / "image.its").write_text(source)
    command = ["mkimage", "-f", "image.its", "image.itb"]
    shell.run(command, cwd=folder, log=context.log, env=context.env)
    data = (folder / "image.itb").read_bytes()
    if data.count(kernel) != 1 or data.count(root) != 1:
        raise BuildError(f"release {plan.name}: kernel and ramdisk must each be in the image once")
    return Image(plan, kernel_release, kernel, root, data)


def manifest_text(manifest: Mapping[str, str]) -> str:
    """One `key=value` a line."""
    return "".join(f"{key}={value}\n" for key, value in manifest.items())


def bundle(manifest: str | bytes, image: bytes, epoch: int, image_name: str = "image.itb") -> bytes:
    """Make an uncompressed ustar archive: manifest first, then the image."""
    text = manifest.encode("ascii") if isinstance(manifest, str) else manifest
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in (("manifest", text), (image_name, image)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mtime = epoch
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()
