# SPDX-License-Identifier: MIT
"""From the files in firmware/ to the steps of a build and the set of files it leaves."""

import json
import platform
import tomllib
from dataclasses import dataclass
from pathlib import Path

from firmware.build import golden, shell
from firmware.build.bad_bundles import BadBundle, bad_bundles
from firmware.build.board import module_step, service_step
from firmware.build.busybox import busybox_step
from firmware.build.errors import BuildError
from firmware.build.flash_map import FlashMap, fw_env_config
from firmware.build.linux import KernelPin, linux_step
from firmware.build.prom import Proms
from firmware.build.release_image import (
    Image,
    Parts,
    ReleasePlan,
    bundle,
    fit_image,
    manifest_text,
    ramdisk,
)
from firmware.build.sources import SourcePin, package_version
from firmware.build.step import Context, Step, file_digest, folder_digest
from firmware.build.u_boot import u_boot_step

FIRMWARE = Path(__file__).resolve().parents[1]
# A kernel with the modules of another one, both ways: name, kernel of, root file system of.
MIXED = (("mismatched-kernel", "1.0.0", "2.0.0"), ("mismatched-modules", "2.0.0", "1.0.0"))


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before a byte is built."""

    board_folder: Path
    flash_map: FlashMap
    sources: dict[str, SourcePin]
    kernels: dict[str, KernelPin]
    installed: dict[str, str]  # version of each kernel series' package
    releases: dict[str, ReleasePlan]
    epoch: int

    @classmethod
    def load(cls, board_folder: Path = FIRMWARE / "board") -> "Plan":
        """Read the .toml files and what is installed."""
        pins = tomllib.loads((FIRMWARE / "sources.toml").read_text())
        kernels = {
            series: KernelPin(
                series, entry["package"], Path(entry["file"]), entry["version"], entry["sha256"]
            )
            for series, entry in pins["kernel"].items()
        }
        return cls(
            board_folder=board_folder,
            flash_map=FlashMap.load(),
            sources=source_pins(),
            kernels=kernels,
            installed={series: package_version(pin.package) for series, pin in kernels.items()},
            releases=_releases(),
            epoch=pins["epoch"],
        )

    def warnings(self) -> list[str]:
        """Say what differs from the pins and is built all the same (docs/decisions/0101)."""
        return [
            f"warning: {pin.package} {self.installed[series]} is installed, firmware/sources.toml "
            f"pins {pin.version}: building what is installed; bytes will differ from a build "
            "with the pinned one until the pin is edited"
            for series, pin in self.kernels.items()
            if self.installed[series] != pin.version
        ]

    def goal(self) -> Step:
        """Plan the step whose result is firmware/out."""
        if not self.board_folder.is_dir():
            raise BuildError(f"{self.board_folder} is missing: it holds the board's own software")
        env = shell.environment(self.epoch)
        env = {key: value for key, value in env.items() if not key.endswith("_proxy")}
        toolchain = json.dumps([toolchain_versions(), env])
        board = self.board_folder
        needs = {
            "u-boot": u_boot_step(
                FIRMWARE / "u-boot", self.sources["u-boot"], self.flash_map, toolchain
            ),
            "busybox": busybox_step(
                FIRMWARE / "busybox/base.config",
                board / "APPLETS",
                self.sources["busybox"],
                toolchain,
            ),
        }
        for series, pin in self.kernels.items():
            config = FIRMWARE / "linux/common.config"
            linux = linux_step(config, pin, self.installed[series], toolchain)
            needs[f"linux-{series}"] = linux
            needs[f"walnut_io-{series}"] = module_step(
                board / "walnut_io", linux, series, toolchain
            )
        for name, release in self.releases.items():
            needs[f"walnutd-{name}"] = service_step(board / "walnutd", release, toolchain)
        inputs = {
            "overlay": folder_digest(board / "rootfs"),
            "updater": file_digest(board / "walnut-update"),
            "prom_updater": file_digest(board / "walnut-update-prom"),
            "releases": repr(self.releases),
            "flash_map": repr(self.flash_map),
            "code": folder_digest_of_code(),
            "toolchain": toolchain + platform.python_version(),
        }
        return Step("out", self._compose, inputs, needs)

    def _compose(self, context: Context) -> None:
        images = {name: self._image(name, name, context) for name in self.releases}
        proms = Proms.load(context.needs["u-boot"])
        text = (context.needs["u-boot"] / "environment").read_text()
        pair = golden.environments(text, self.flash_map, context)
        data = golden.empty_data(self.flash_map, context)
        plan = next(iter(self.releases.values()))  # all are for one board
        for name, content in proms.files(plan.board, plan.arch, self.epoch).items():
            _write(context.out / name, content)
        for name, image in images.items():
            folder = context.out / "releases" / name
            manifest = manifest_text(image.manifest())
            _write(folder / "manifest", manifest.encode())
            _write(folder / "image.itb", image.data)
            _write(folder / "bundle.tar", bundle(manifest, image.data, self.epoch))
            flash = golden.golden(self.flash_map, proms, pair, data, image.data)
            _write(folder / "golden.nor", flash)
        mixed = {
            name: self._image(kernel_of, root_of, context) for name, kernel_of, root_of in MIXED
        }
        bad = bad_bundles(images["2.0.0"], mixed, self.flash_map, self.epoch)
        for name, bad_bundle in bad.items():
            _write(context.out / "bundles" / f"{name}.tar", bad_bundle.data)
        index = self._index(images, proms, bad, context.out)
        _write(context.out / "index.json", (json.dumps(index, indent=2) + "\n").encode())

    def _image(self, kernel_of: str, root_of: str, context: Context) -> Image:
        """Compose the image of a release; of two different ones, a mixture."""
        plan = self.releases[root_of]
        linux = context.needs[f"linux-{plan.series}"]
        kernel_release = (linux / "release").read_text().strip()
        parts = Parts(
            overlay=self.board_folder / "rootfs",
            updater=self.board_folder / "walnut-update",
            prom_updater=self.board_folder / "walnut-update-prom",
            busybox=context.needs["busybox"],
            fw_printenv=context.needs["u-boot"] / "fw_printenv",
            walnutd=context.needs[f"walnutd-{root_of}"] / "walnutd",
            module=context.needs[f"walnut_io-{plan.series}"] / "walnut_io.ko",
            fw_env_config=fw_env_config(self.flash_map),
        )
        root = ramdisk(plan, kernel_release, parts, self.epoch)
        series = self.releases[kernel_of].series
        kernel = (context.needs[f"linux-{series}"] / "kernel.gz").read_bytes()
        return fit_image(plan, kernel, kernel_release, root, context)

    def _index(
        self, images: dict[str, Image], proms: Proms, bad: dict[str, BadBundle], out: Path
    ) -> object:
        releases = {}
        for name, image in images.items():
            folder = f"releases/{name}"
            releases[name] = {
                "bundle": f"{folder}/bundle.tar",
                "bundle_sha256": file_digest(out / folder / "bundle.tar"),
                "golden": f"{folder}/golden.nor",
                "golden_sha256": file_digest(out / folder / "golden.nor"),
                "image_sha256": image.manifest()["image-sha256"],
                "image_size": len(image.data),
                "kernel": image.kernel_release,
                "state_layout": image.plan.state_layout,
                "broken": image.plan.broken,
            }
        bundles = {
            name: {
                "bundle": f"bundles/{name}.tar",
                "bundle_sha256": file_digest(out / f"bundles/{name}.tar"),
                "expect": bad_bundle.expect,
            }
            for name, bad_bundle in bad.items()
        }
        sources = {name: pin.version for name, pin in self.sources.items()}
        sources |= {pin.package: self.installed[series] for series, pin in self.kernels.items()}
        return {
            "format": 1,
            **proms.index(out),
            "releases": releases,
            "bundles": bundles,
            "sources": sources,
        }


def source_pins() -> dict[str, SourcePin]:
    """Read the pinned source packages, whether or not anything is installed."""
    pins = tomllib.loads((FIRMWARE / "sources.toml").read_text())
    return {
        name: SourcePin(name, entry["version"], tuple((file, sha) for file, sha in entry["files"]))
        for name, entry in pins["source"].items()
    }


def _releases() -> dict[str, ReleasePlan]:
    table = tomllib.loads((FIRMWARE / "releases.toml").read_text())
    board = table["board"]
    return {
        name: ReleasePlan(
            name=name,
            board=board["name"],
            arch=board["arch"],
            series=entry["kernel"],
            service_level=entry["service_level"],
            state_layout=entry["state_layout"],
            state_layout_min=entry["state_layout_min"],
            broken=entry.get("broken", ""),
        )
        for name, entry in table["release"].items()
    }


def toolchain_versions() -> str:
    """Installed version of every package of packages.txt but the kernels, which are pinned."""
    lines = (FIRMWARE / "packages.txt").read_text().splitlines()
    names = [line.partition("#")[0].strip() for line in lines]
    wanted = sorted(name for name in names if name and not name.startswith("linux-source-"))
    # What does the work is not the package that pulls it in.
    wanted += ["gcc-12-powerpc-linux-gnu", "binutils-powerpc-linux-gnu"]
    fields = "${Package} ${db:Status-Status} ${Version}\n"
    text = shell.output(["dpkg-query", "-W", "-f", fields, *wanted])
    missing = [line.split()[0] for line in text.splitlines() if " installed " not in line]
    if missing:
        raise BuildError(f"not installed: {', '.join(missing)}; run `make set-up`")
    return text


def folder_digest_of_code() -> str:
    """Hash of this package: composing is cheap, so any change composes again."""
    return "".join(file_digest(path) for path in sorted(Path(__file__).parent.glob("*.py")))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)  # it may be read by several benches; nobody is to change it in place
