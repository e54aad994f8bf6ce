# SPDX-License-Identifier: MIT
"""What can be installed on a board: releases, PROMs, bundles."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

from rig.board.typed_tables import check_format, get, record
from rig.errors import UsageError

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release as it was built; paths are absolute, sizes in bytes."""

    name: str
    bundle: Path
    bundle_sha256: str
    golden: Path
    golden_sha256: str
    image: Path
    image_sha256: str
    image_size: int
    kernel: str
    state_layout: int  # that it writes
    state_layout_min: int  # the oldest that it reads
    broken: str = ""  # what makes it fail its self-check on purpose, empty for a good one

    def __str__(self) -> str:
        return self.name

    def reads(self, layout: int) -> bool:
        """Tell whether it can read a stored state of `layout`."""
        return self.state_layout_min <= layout <= self.state_layout


@dataclass(frozen=True, slots=True, kw_only=True)
class BadBundle:
    """A bundle that a board must refuse with the reason `expect` (updater-lines.md)."""

    name: str
    bundle: Path
    expect: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Prom:
    """A PROM that a board can be updated to (docs/reference/prom.md)."""

    version: str  # as its banner says it
    partition: Path  # what lies in `prom` when it has been installed, trailer included
    bundle: Path
    bundle_sha256: str

    def __str__(self) -> str:
        return self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """An image of `release`'s root file system with the kernel of another one."""

    name: str
    image: Path
    kernel: str
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """The driver module as it was built for one kernel."""

    kernel: str  # `uname -r`
    module: Path

    def __str__(self) -> str:
        return f"{self.module.name} of {self.kernel}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All releases, PROMs and bad bundles that one firmware build left behind.

    Golden flashes hold the first of `proms` and, beside it, `prom_fallback`.
    """

    index: Path
    releases: Mapping[str, Release]
    proms: Mapping[str, Prom]
    prom_fallback: str
    bundles: Mapping[str, BadBundle]
    mixed: Mapping[str, Mixture]
    modules: Mapping[str, Module]
    sources: Mapping[str, str] = field(default_factory=dict)  # Debian versions that were built

    @classmethod
    def load(cls, index: Path) -> Self:
        """Read `index.json`; the files that it names are looked at by `verify`, not here.

        Raises:
            UsageError: the file is missing or does not fit docs/reference/bundle.md.
        """
        try:
            document = json.loads(index.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise UsageError(f"{index} is not there; `make -C firmware` builds it") from error
        except (OSError, ValueError) as error:
            raise UsageError(f"{index} is no index of releases: {error}") from error
        check_format(document, index)

        def records(table: str, kind: type[Record], named: str) -> dict[str, Record]:
            entries = get(document, table, dict, index)
            return {
                name: record(kind, entry, index, f"{table}.{name}.", **{named: name})
                for name, entry in entries.items()
            }

        fallback = get(document, "prom_fallback", dict, index)
        return cls(
            index=index,
            releases=records("releases", Release, "name"),
            proms=records("proms", Prom, "version"),
            prom_fallback=get(fallback, "version", str, index, "prom_fallback."),
            bundles=records("bundles", BadBundle, "name"),
            mixed=records("mixed", Mixture, "name"),
            modules=records("modules", Module, "kernel"),
            sources=get(document, "sources", dict, index) if "sources" in document else {},
        )

    @property
    def sound(self) -> Mapping[str, Release]:
        """Return the releases that are meant to run: not those that are broken on purpose."""
        return {name: release for name, release in self.releases.items() if not release.broken}

    def release(self, name: str) -> Release:
        """Return the release called `name`.

        Raises:
            UsageError: it is not in the catalogue.
        """
        if name in self.releases:
            return self.releases[name]
        raise UsageError(
            f"unknown release {name!r}; known: {', '.join(self.releases) or 'none'}"
            f" ({self.index}); `make -C firmware` builds them"
        )

    def image(self, kernel: str, release: Release) -> Path:
        """Return the image of `release`'s root file system with `kernel`, its own or another's.

        Raises:
            UsageError: there is no such image.
        """
        if kernel == release.kernel:
            return release.image
        for mixture in self.mixed.values():
            if (mixture.kernel, mixture.release) == (kernel, release.name):
                return mixture.image
        raise UsageError(f"no image of {release} has the kernel {kernel} ({self.index})")

    def target(self, what: str, name: str) -> "Release | Prom":
        """Return what an exercise `what` moves the board to: a PROM or a release.

        Raises:
            UsageError: it is not in the catalogue.
        """
        return self.prom(name) if what == "prom" else self.release(name)

    def prom(self, version: str) -> Prom:
        """Return the PROM of that version.

        Raises:
            UsageError: it is not in the catalogue.
        """
        if version in self.proms:
            return self.proms[version]
        raise UsageError(
            f"unknown PROM {version!r}; known: {', '.join(self.proms) or 'none'} ({self.index})"
        )

    def bundle(self, name: str) -> BadBundle:
        """Return the bad bundle called `name`.

        Raises:
            UsageError: it is not in the catalogue.
        """
        if name in self.bundles:
            return self.bundles[name]
        raise UsageError(
            f"unknown bundle {name!r}; known: {', '.join(self.bundles) or 'none'} ({self.index})"
        )

    def verify(self, release: Release | Prom) -> None:
        """Compare its files with the hashes in the index.

        Raises:
            UsageError: a file is missing or differs: not what was built.
        """
        files = [(release.bundle, release.bundle_sha256)]
        if isinstance(release, Release):
            files.append((release.golden, release.golden_sha256))
        for path, wanted in files:
            try:
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise UsageError(f"release {release}: {error}; run `make -C firmware`") from error
            if found != wanted:
                raise UsageError(
                    f"release {release}: {path} is corrupt: SHA-256 {found[:16]}…,"
                    f" the index says {wanted[:16]}…; run `make -C firmware`"
                )
