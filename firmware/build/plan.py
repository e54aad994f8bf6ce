# SPDX-License-Identifier: MIT
"""From the files in firmware/ to the steps of a build and the set of files it leaves."""

import json
import platform
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from firmware.build import golden, index, shell
from firmware.build.bad_bundles import bad_bundles
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
from firmware.build.sample import Forge
from firmware.build.sources import SourcePin, found, package_version
from firmware.build.step import Cache, Context, Step, file_digest, folder_digest
from firmware.build.u_boot import u_boot_step

FIRMWARE = Path(__file__).resolve().parents[1]
# A kernel with the modules of another one, both ways: bundle, and the mixture that is in it.
MIXED_BUNDLES = {
    "mismatched-kernel": "kernel-6.1-with-2.0.0",
    "mismatched-modules": "kernel-6.12-with-1.0.0",
}
SAMPLE_OF = "2.0.0"  # the release that most bad bundles pretend to be


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before a byte is built."""

    board_folder: Path
    u_boot_folder: Path
    flash_map: FlashMap
    sources: dict[str, SourcePin]  # the pins, or what the archive has in their place
    kernels: dict[str, KernelPin]
    installed: dict[str, str]  # version of each kernel series' package
    releases: dict[str, ReleasePlan]
    epoch: int

    @classmethod
    def load(
        cls, board_folder: Path = FIRMWARE / "board", u_boot_folder: Path = FIRMWARE / "u-boot"
    ) -> "Plan":
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
            u_boot_folder=u_boot_folder,
            flash_map=FlashMap.load(),
            sources=source_pins(),
            kernels=kernels,
            installed={series: package_version(pin.package) for series, pin in kernels.items()},
            releases=_releases(),
            epoch=pins["epoch"],
        )

    def with_sources(self, cache: Cache, env: Mapping[str, str]) -> "Plan":
        """Return the plan with the revisions that are built in place of those that are gone."""
        return replace(self, sources=found(self.sources, cache, env))

    def warnings(self) -> list[str]:
        """Say what differs from the pins and is built all the same (docs/decisions/0101)."""
        return [pin.warning for pin in self.sources.values() if pin.warning] + [
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
                self.u_boot_folder, self.sources["u-boot"], self.flash_map, toolchain
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
        images = {
            name: self._image(plan.series, name, context) for name, plan in self.releases.items()
        }
        proms = Proms.load(context.needs["u-boot"])
        text = (context.needs["u-boot"] / "environment").read_text()
        pair = golden.environments(text, self.flash_map, context)
        data = golden.empty_data(self.flash_map, context)
        plan = next(iter(self.releases.values()))  # all are for one board
        for name, content in proms.files(plan.board, plan.arch, self.epoch, self.flash_map).items():
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
            f"kernel-{series}-with-{name}": self._image(series, name, context)
            for name, plan in self.releases.items()
            for series in self.kernels
            if series != plan.series and not plan.broken
        }
        for name, image in mixed.items():
            _write(context.out / "mixed" / f"{name}.itb", image.data)
        kernels = self._kernel_release(context)
        for series, kernel in kernels.items():
            module = context.needs[f"walnut_io-{series}"] / "walnut_io.ko"
            _write(context.out / index.module(kernel), module.read_bytes())
        in_bundles = {bundle: mixed[name] for bundle, name in MIXED_BUNDLES.items()}
        good = images[SAMPLE_OF]
        forge = Forge(good.plan, good.kernel_release, self.epoch, context)
        bad = bad_bundles(good, in_bundles, forge, self.flash_map)
        for name, bad_bundle in bad.items():
            path = context.out / "bundles" / f"{name}.tar"
            _write(path, bad_bundle.data, bad_bundle.zeros)
        found = {
            "format": 1,
            **proms.index(context.out),
            "releases": index.releases(context.out, images),
            "mixed": index.mixed(context.out, mixed, kernels),
            "modules": index.modules(context.out, kernels.values()),
            "bundles": index.bundles(context.out, bad),
            "sources": self._source_versions(),
        }
        _write(context.out / "index.json", (json.dumps(found, indent=2) + "\n").encode())

    def _source_versions(self) -> dict[str, str]:
        versions = {name: pin.version for name, pin in self.sources.items()}
        return versions | {
            pin.package: self.installed[series] for series, pin in self.kernels.items()
        }

    def _kernel_release(self, context: Context) -> dict[str, str]:
        """Return `uname -r` of each series' kernel."""
        return {
            series: (context.needs[f"linux-{series}"] / "release").read_text().strip()
            for series in self.kernels
        }

    def _image(self, series: str, root_of: str, context: Context) -> Image:
        """Compose a release's root file system with a kernel; with another one, a mixture."""
        plan = self.releases[root_of]
        kernel_release = self._kernel_release(context)[plan.series]
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
        kernel = (context.needs[f"linux-{series}"] / "kernel.gz").read_bytes()
        return fit_image(plan, kernel, kernel_release, root, context)


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


def _write(path: Path, content: bytes, zeros: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(content)
        stream.truncate(len(content) + zeros)  # a hole: no disk is spent on it
    path.chmod(0o444)  # it may be read by several benches; nobody is to change it in place
