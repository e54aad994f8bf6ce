# SPDX-License-Identifier: MIT
"""A release of a few KiB that the updater finds no fault with, and tools to spoil it.

It boots nothing: its kernel is a version string.  What it is for is to be refused, once spoilt.
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from firmware.build.cpio import RootFileSystem
from firmware.build.release_image import (
    FIT_SOURCE,
    Image,
    ReleasePlan,
    bundle,
    fit_image,
    manifest_text,
    release_file,
)
from firmware.build.step import Context

FLIPPED_BIT = 0x10


def flipped(data: bytes, at: int) -> bytes:
    """Return `data` with one bit of byte `at` changed."""
    return data[:at] + bytes([data[at] ^ FLIPPED_BIT]) + data[at + 1 :]


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    """Make the header of a tar member; a link leads to `content`."""
    found = tarfile.TarInfo(name)
    found.type = kind
    if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE}:
        found.linkname = content.decode()
    else:
        found.size = len(content)
    return found


@dataclass(frozen=True)
class Forge:
    """Makes images and bundles of the sample; `context` is the build's, for mkimage."""

    plan: ReleasePlan
    kernel_release: str
    epoch: int
    context: Context

    @cached_property
    def good(self) -> Image:
        """Return the sample without a flaw."""
        return self.image()

    def kernel(self, release: str | None = None, rest: bytes = b"") -> bytes:
        """Make what passes for a kernel: its version string, gzip-compressed."""
        text = f"Linux version {release or self.kernel_release} (walnut@sample)\n"
        return gzip.compress(text.encode() + rest, 9, mtime=0)

    def root(self, says: str | None = None, more: Mapping[str, bytes] | None = None) -> bytes:
        """Make a root file system that says what it is, and holds the module."""
        root = RootFileSystem(self.epoch)
        root.file(f"lib/modules/{self.kernel_release}/walnut_io.ko", b"module")
        text = release_file(self.plan, self.kernel_release) if says is None else says
        root.file("etc/walnut-release", text.encode())
        for path, content in (more or {}).items():
            root.file(path, content)
        return gzip.compress(root.archive(), 9, mtime=0)

    def image(
        self, kernel: bytes | None = None, root: bytes | None = None, template: str = FIT_SOURCE
    ) -> Image:
        """Have mkimage make a FIT image whose own hashes are right, whatever is in it."""
        kernel = self.kernel() if kernel is None else kernel
        root = self.root() if root is None else root
        context, release = self.context, self.kernel_release
        return fit_image(self.plan, kernel, release, root, context, template=template)

    def bundle(self, manifest: bytes | Mapping[str, str], image: bytes | None = None) -> bytes:
        """Put both into an archive; the manifest as keys or as its very bytes."""
        text = manifest if isinstance(manifest, bytes) else manifest_text(manifest).encode()
        return bundle(text, self.good.data if image is None else image, self.epoch)

    def archive(self, members: Sequence[tuple[tarfile.TarInfo, bytes]]) -> bytes:
        """Put any members into an archive."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for header, content in members:
                header.mtime, header.mode = self.epoch, 0o644
                archive.addfile(header, io.BytesIO(content) if header.size else None)
        return stream.getvalue()


def rehashed(image: Image, data: bytes) -> dict[str, str]:
    """Return the manifest of `image` made to fit `data`, so that only deeper checks can tell."""
    size, digest = str(len(data)), hashlib.sha256(data).hexdigest()
    return image.manifest() | {"image-size": size, "image-sha256": digest}
