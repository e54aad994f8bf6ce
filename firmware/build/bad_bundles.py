# SPDX-License-Identifier: MIT
"""Bundles that a board must refuse, each with the reason that it must give.

Most are made of the *sample*: a few KiB that pass every check of the updater's, so that the one
flaw of a bundle is the one thing that can have it refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware.build import bad_archives, bad_images, bad_manifests
from firmware.build.flash_map import FlashMap
from firmware.build.release_image import Image, bundle, manifest_text
from firmware.build.sample import Forge, flipped

MEMORY_BYTES = 65 << 20  # more than /tmp of the board holds


@dataclass(frozen=True)
class BadBundle:
    """A bundle and the `reason` of `staging refused` (docs/reference/updater-lines.md).

    `zeros` follow `data`; they are a hole in the file.
    """

    data: bytes
    expect: str
    zeros: int = 0


def bad_bundles(
    good: Image, mixed: Mapping[str, Image], forge: Forge, flash_map: FlashMap
) -> dict[str, BadBundle]:
    """All of them by name; `good` is a release, `mixed` images with another kernel's modules."""
    epoch, slot = forge.epoch, flash_map.partition("slot-b").size
    manifest = manifest_text(good.manifest())
    whole = bundle(manifest, good.data, epoch)
    corrupt = flipped(good.data, len(good.data) // 2)
    found = {
        name: BadBundle(
            bundle(manifest_text(image.manifest()), image.data, epoch), "kernel-mismatch"
        )
        for name, image in mixed.items()
    }
    found |= {
        "corrupt": BadBundle(bundle(manifest, corrupt, epoch), "hash"),
        "truncated": BadBundle(whole[: len(whole) // 2], "format"),
        "larger-than-slot": BadBundle(b"", "size", zeros=slot + (1 << 17)),
        "larger-than-memory": BadBundle(b"", "size", zeros=MEMORY_BYTES),
    }
    for name, (text, expect) in bad_manifests.of(forge, slot).items():
        found[name] = BadBundle(forge.bundle(text), expect)
    for name, (image, keys, expect) in bad_images.of(forge).items():
        found[name] = BadBundle(forge.bundle(keys, image), expect)
    for name, data in bad_archives.of(forge).items():
        found[name] = BadBundle(data, "format")
    return dict(sorted(found.items()))
