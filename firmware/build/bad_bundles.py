# SPDX-License-Identifier: MIT
"""Bundles that a board must refuse, each with the reason that it must give."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware.build.flash_map import FlashMap
from firmware.build.release_image import Image, bundle, manifest_text

FLIPPED_BIT = 0x10


@dataclass(frozen=True)
class BadBundle:
    """A bundle and the `reason` of `staging refused` (docs/reference/updater-lines.md)."""

    data: bytes
    expect: str


def bad_bundles(
    good: Image, mixed: Mapping[str, Image], flash_map: FlashMap, epoch: int
) -> dict[str, BadBundle]:
    """All of them by name; `good` is a release, `mixed` images with another kernel's modules."""
    manifest = good.manifest()

    def changed(**keys: str) -> str:
        return manifest_text(manifest | {key.replace("_", "-"): v for key, v in keys.items()})

    middle = len(good.data) // 2
    flipped = bytearray(good.data)
    flipped[middle] ^= FLIPPED_BIT
    whole = bundle(manifest_text(manifest), good.data, epoch)
    too_large = flash_map.partition("slot-b").size + 1
    texts = {
        "wrong-board": (changed(board="walnut-405gp"), "board"),
        "wrong-arch": (changed(arch="mips"), "arch"),
        "too-large": (changed(image_size=str(too_large)), "size"),
        "unknown-key": (manifest_text(manifest) + "colour=green\n", "manifest"),
        "future-state": (changed(state_layout="9", state_layout_min="9"), "state"),
    }
    found = {
        name: BadBundle(
            bundle(manifest_text(image.manifest()), image.data, epoch), "kernel-mismatch"
        )
        for name, image in mixed.items()
    }
    found |= {
        name: BadBundle(bundle(text, good.data, epoch), expect)
        for name, (text, expect) in texts.items()
    }
    found["corrupt"] = BadBundle(bundle(manifest_text(manifest), bytes(flipped), epoch), "hash")
    found["truncated"] = BadBundle(whole[: len(whole) // 2], "format")
    found["not-a-bundle"] = BadBundle(b"this is not an archive\n" * 100, "format")
    return dict(sorted(found.items()))
