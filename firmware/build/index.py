# SPDX-License-Identifier: MIT
"""What index.json says of a build (docs/reference/bundle.md); paths are relative to it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from firmware.build.bad_bundles import BadBundle
from firmware.build.release_image import Image
from firmware.build.step import file_digest

Entries = dict[str, Any]


def releases(out: Path, images: Mapping[str, Image]) -> Entries:
    found = {}
    for name, image in images.items():
        folder = f"releases/{name}"
        found[name] = {
            "bundle": f"{folder}/bundle.tar",
            "bundle_sha256": file_digest(out / folder / "bundle.tar"),
            "golden": f"{folder}/golden.nor",
            "golden_sha256": file_digest(out / folder / "golden.nor"),
            "image": f"{folder}/image.itb",
            "image_sha256": image.manifest()["image-sha256"],
            "image_size": len(image.data),
            "kernel": image.kernel_release,
            "state_layout": image.plan.state_layout,
            "state_layout_min": image.plan.state_layout_min,
            "broken": image.plan.broken,
        }
    return found


def mixed(out: Path, images: Mapping[str, Image], kernels: Mapping[str, str]) -> Entries:
    """Images of one release's root file system and another's kernel; `kernels` by series."""
    found = {}
    for name, image in images.items():
        path = f"mixed/{name}.itb"
        series = name.removeprefix("kernel-").partition("-")[0]
        found[name] = {
            "image": path,
            "image_sha256": file_digest(out / path),
            "kernel": kernels[series],
            "release": image.plan.name,
        }
    return found


def module(kernel: str) -> str:
    """Return where the driver module of the kernel with that `uname -r` lies."""
    return f"modules/{kernel}/walnut_io.ko"


def modules(out: Path, kernels: Iterable[str]) -> Entries:
    return {
        kernel: {"module": module(kernel), "module_sha256": file_digest(out / module(kernel))}
        for kernel in kernels
    }


def bundles(out: Path, bad: Mapping[str, BadBundle]) -> Entries:
    return {
        name: {
            "bundle": f"bundles/{name}.tar",
            "bundle_sha256": file_digest(out / f"bundles/{name}.tar"),
            "expect": bad_bundle.expect,
        }
        for name, bad_bundle in bad.items()
    }
