# SPDX-License-Identifier: MIT
"""Archives that are no bundle, around a sound manifest and a sound image."""

import tarfile

from firmware.build.release_image import manifest_text
from firmware.build.sample import Forge, flipped, member

BLOCK = 512
NAME, CHECKSUM = 0, 148  # in a ustar header (POSIX.1-2017, pax)


def of(forge: Forge) -> dict[str, bytes]:
    """Return the archives by name; each is refused as `format`."""
    image = forge.good
    manifest = manifest_text(image.manifest()).encode()
    whole = forge.bundle(image.manifest(), image.data)
    second = BLOCK + -(-len(manifest) // BLOCK) * BLOCK  # the image's header
    content = second + BLOCK
    return {
        "empty": b"",
        "not-a-bundle": b"this is not an archive\n" * 100,
        "truncated-in-header": whole[:300],
        "truncated-in-manifest": whole[: BLOCK + 100],
        "truncated-in-image": whole[: content + len(image.data) // 2],
        "truncated-at-image-end": whole[: content + len(image.data) - 1],
        "truncated-before-end-blocks": whole[: content + -(-len(image.data) // BLOCK) * BLOCK],
        "truncated-by-one-byte": whole[:-1],
        "followed-by-another": whole + b"more".ljust(BLOCK, b"."),
        "flipped-tar-name": flipped(whole, NAME),
        "flipped-tar-checksum": flipped(whole, CHECKSUM + 3),
        "flipped-image-tar-header": flipped(whole, second + NAME),
        **_members(forge, manifest, image.data),
    }


def _members(forge: Forge, manifest: bytes, image: bytes) -> dict[str, bytes]:
    """Make archives whose members have other names, or are no files."""
    first, last = (member("manifest", manifest), manifest), (member("image.itb", image), image)

    def named(name: str) -> tuple[tarfile.TarInfo, bytes]:
        return member(name, manifest), manifest

    def kind(name: str, type_: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
        return member(name, target.encode(), type_), b""

    found = {
        "member-parent": [named("../manifest"), last],
        "member-absolute": [named("/manifest"), last],
        "member-dot": [named("./manifest"), last],
        "member-space": [named("manifest "), last],
        "member-newline": [named("manifest\nimage.itb")],
        "member-symlink": [kind("manifest", tarfile.SYMTYPE, "/etc/passwd"), last],
        "member-image-symlink": [first, kind("image.itb", tarfile.SYMTYPE, "/dev/mtd0")],
        "member-hardlink": [first, kind("image.itb", tarfile.LNKTYPE, "manifest")],
        "member-hardlink-outside": [first, kind("image.itb", tarfile.LNKTYPE, "/etc/passwd")],
        "member-device": [first, kind("image.itb", tarfile.BLKTYPE)],
        "member-pipe": [kind("manifest", tarfile.FIFOTYPE), last],
        "member-folder": [kind("manifest", tarfile.DIRTYPE), last],
        "member-extra": [first, last, named("more")],
        "member-smuggled": [first, named("../../etc/init.d/rcS"), last],
        "member-duplicate": [first, last, last],
        "member-missing": [first],
        "members-swapped": [last, first],
    }
    return {name: forge.archive(members) for name, members in found.items()}
