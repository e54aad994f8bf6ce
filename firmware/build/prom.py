# SPDX-License-Identifier: MIT
"""PROMs: what lies in their partitions and in their bundles (docs/reference/prom.md)."""

import hashlib
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firmware.build.errors import BuildError
from firmware.build.flash_map import FlashMap
from firmware.build.release_image import bundle, manifest_text
from firmware.build.step import file_digest
from firmware.build.u_boot import FALLBACK, FIRST, SECOND

MAGIC = b"WALNPROM"
TRAILER = struct.Struct(">8sII44s")  # then the CRC-32 of all this
MEMBER = "u-boot"


@dataclass(frozen=True)
class Prom:
    """A U-Boot, stripped ELF, and the version that it says in its banner."""

    version: str
    image: bytes

    @property
    def file(self) -> str:
        return f"proms/{self.version}/u-boot"

    @property
    def bundle_file(self) -> str:
        return f"proms/{self.version}/bundle.tar"

    @property
    def partition_file(self) -> str:
        return f"proms/{self.version}/partition"

    def entry(self, out: Path) -> dict[str, str]:
        digest = file_digest(out / self.file)
        return {"version": self.version, "file": self.file, "sha256": digest}

    def trailer(self) -> bytes:
        """Make the bytes that are written last and checked at power-on."""
        version = self.version.encode("ascii")
        fields = TRAILER.pack(MAGIC, len(self.image), zlib.crc32(self.image), version)
        return fields + zlib.crc32(fields).to_bytes(4, "big")

    def partition(self, name: str, flash_map: FlashMap) -> bytes:
        """Lay out a whole partition: image, erased bytes, trailer."""
        size = flash_map.partition(name).size
        room = size - flash_map.sector  # the last sector is the trailer's
        if len(self.image) > room:
            raise BuildError(
                f"{name} has room for {room} bytes, {self.version} has {len(self.image)}: make "
                "U-Boot smaller or the partition in flash-map.toml larger"
            )
        trailer = self.trailer()
        return self.image.ljust(size - len(trailer), b"\xff") + trailer

    def bundle(self, board: str, arch: str, epoch: int) -> bytes:
        """Make what `walnut-update-prom` downloads."""
        manifest = {
            "manifest": "1",
            "kind": "prom",
            "prom": self.version,
            "board": board,
            "arch": arch,
            "image-size": str(len(self.image)),
            "image-sha256": hashlib.sha256(self.image).hexdigest(),
        }
        return bundle(manifest_text(manifest), self.image, epoch, MEMBER)


@dataclass(frozen=True)
class Proms:
    """Those of one build: golden flashes hold `first` and `fallback`."""

    first: Prom
    second: Prom
    fallback: Prom

    @classmethod
    def load(cls, u_boot: Path) -> "Proms":
        """Read what the step `u-boot` left."""
        found = {path.name: path.read_bytes() for path in (u_boot / "proms").iterdir()}
        return cls(*(_of(found, local) for local in (FIRST, SECOND, FALLBACK)))

    @property
    def updates(self) -> tuple[Prom, ...]:
        """Those that a board can be updated to."""
        return self.first, self.second

    def files(self, board: str, arch: str, epoch: int, flash_map: FlashMap) -> dict[str, bytes]:
        """Name and content of all that goes into out/proms."""
        images = {prom.file: prom.image for prom in (*self.updates, self.fallback)}
        images |= {prom.partition_file: prom.partition("prom", flash_map) for prom in self.updates}
        return images | {prom.bundle_file: prom.bundle(board, arch, epoch) for prom in self.updates}

    def index(self, out: Path) -> dict[str, object]:
        """Say what index.json has of them; the first is that of the golden flashes."""
        return {
            "proms": {
                prom.version: prom.entry(out)
                | {"partition": prom.partition_file, "bundle": prom.bundle_file}
                | {"bundle_sha256": file_digest(out / prom.bundle_file)}
                for prom in self.updates
            },
            "prom_fallback": self.fallback.entry(out),
        }


def _of(found: Mapping[str, bytes], local: str) -> Prom:
    (version,) = (name for name in found if name.endswith(local))
    return Prom(version, found[version])
