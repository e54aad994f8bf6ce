# SPDX-License-Identifier: MIT
"""Images that a board must refuse.  Most come with a manifest whose hash fits them."""

import zlib
from collections.abc import Mapping

from firmware.build.release_image import FIT_SOURCE, Image, release_file
from firmware.build.sample import Forge, flipped, rehashed

BOMB_BYTES = 300 << 20
FIT_MAGIC, FIT_TOTAL_SIZE = 0, 6  # Devicetree Specification 0.4, section 5.2
GZIP_MIDDLE = 12  # behind gzip's header (RFC 1952): in the compressed data

Bad = tuple[bytes, Mapping[str, str], str]


def of(forge: Forge) -> dict[str, Bad]:
    """Return image, manifest and expected reason, by name."""
    good = forge.good
    return {
        "image-empty": (b"", good.manifest(), "size"),
        "image-empty-and-said": (b"", rehashed(good, b""), "size"),
        "image-short": (good.data[:-1], good.manifest(), "size"),
        **_flipped(good),
        **_spoilt(forge),
        **_templates(forge),
        **_lies(forge, good),
        **_bombs(forge),
    }


def _flipped(good: Image) -> dict[str, Bad]:
    """One bit each: told by the manifest's hash; with that one made to fit, by the FIT's."""
    kernel = good.data.index(good.kernel) + GZIP_MIDDLE
    ramdisk = good.data.index(good.ramdisk) + GZIP_MIDDLE
    # The hash's value ends right before its algorithm's property does begin.
    digest = good.data.index(b"sha256\0") - 16
    places = {
        "fit-magic": (FIT_MAGIC, "format"),
        "fit-total-size": (FIT_TOTAL_SIZE, "format"),
        "fit-hash": (digest, "hash"),
        "kernel": (kernel, "hash"),
        "ramdisk": (ramdisk, "hash"),
    }
    found: dict[str, Bad] = {}
    for name, (at, expect) in places.items():
        data = flipped(good.data, at)
        found[f"flipped-{name}"] = (data, good.manifest(), "hash")
        found[f"flipped-{name}-rehashed"] = (data, rehashed(good, data), expect)
    return found


def _spoilt(forge: Forge) -> dict[str, Bad]:
    """Parts that are damaged though every hash fits: only unpacking tells."""
    images = {
        "kernel-does-not-unpack": forge.image(kernel=flipped(forge.kernel(), GZIP_MIDDLE)),
        "kernel-not-compressed": forge.image(kernel=b"Linux version 6.12.0 (walnut@sample)"),
        "ramdisk-does-not-unpack": forge.image(root=flipped(forge.root(), GZIP_MIDDLE)),
        "ramdisk-no-archive": forge.image(root=forge.kernel("0.0.0")),
    }
    return {name: (image.data, image.manifest(), "format") for name, image in images.items()}


def _templates(forge: Forge) -> dict[str, Bad]:
    """FIT images that are sound and would boot something else, or not at all."""
    changes = {
        "fit-arch": ('arch = "ppc"', 'arch = "arm"', "arch"),
        "fit-compression": ('compression = "gzip"', 'compression = "lzma"', "format"),
        "fit-load-address": ("load = <0>", "load = <0x1000000>", "format"),
        "fit-weak-hash": ('"sha256"', '"crc32"', "hash"),
        "fit-no-ramdisk-booted": (' ramdisk = "ramdisk"; }', " }", "format"),
    }
    found: dict[str, Bad] = {}
    for name, (old, new, expect) in changes.items():
        image = forge.image(template=FIT_SOURCE.replace(old, new))
        found[name] = (image.data, image.manifest(), expect)
    return found


def _lies(forge: Forge, good: Image) -> dict[str, Bad]:
    """Sound images that are not what their manifest says."""
    other = forge.kernel("6.6.6-other")
    mixed = forge.image(kernel=other)
    # The manifest points at a kernel that fits the modules, the FIT has another one booted.
    decoy = mixed.data + good.kernel
    pointed = rehashed(good, decoy) | {
        "kernel-offset": str(len(mixed.data)),
        "ramdisk-offset": str(mixed.data.index(mixed.ramdisk)),
    }
    old = release_file(forge.plan, forge.kernel_release).replace(forge.plan.name, "0.9.0")
    replayed, nameless = forge.image(root=forge.root(old)), forge.image(root=forge.root(""))
    digest = good.manifest()["image-sha256"]
    swapped = rehashed(good, replayed.data) | {"image-sha256": digest}
    twice = {"lib/modules/6.6.6-other/walnut_io.ko": b"module"}
    modules = forge.image(root=forge.root(more=twice))
    return {
        "kernel-decoy": (decoy, pointed, "format"),
        "kernel-of-another": (mixed.data, mixed.manifest(), "kernel-mismatch"),
        "modules-of-two-kernels": (modules.data, modules.manifest(), "kernel-mismatch"),
        "replayed-old": (replayed.data, replayed.manifest(), "manifest"),
        "release-nameless": (nameless.data, nameless.manifest(), "manifest"),
        "image-of-another": (replayed.data, swapped, "hash"),
    }


def _bombs(forge: Forge) -> dict[str, Bad]:
    """Small parts that unpack to more than the board has memory."""
    kernel = forge.image(kernel=forge.kernel() + _zeros(BOMB_BYTES))
    ramdisk = forge.image(root=forge.root() + _zeros(BOMB_BYTES))
    return {
        "kernel-bomb": (kernel.data, kernel.manifest(), "size"),
        "ramdisk-bomb": (ramdisk.data, ramdisk.manifest(), "size"),
    }


def _zeros(size: int) -> bytes:
    """Return `size` zero bytes as a gzip member, made without holding them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(size // len(block))]
    return b"".join([*parts, packer.flush()])
