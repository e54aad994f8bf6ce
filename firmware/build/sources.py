# SPDX-License-Identifier: MIT
"""Pinned Debian source packages: which revision is built, its files, and its tree."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from firmware.build import shell
from firmware.build.archive import APT, Archive, advice, compared
from firmware.build.errors import BuildError
from firmware.build.step import Cache, Context, Step, file_digest


@dataclass(frozen=True)
class SourcePin:
    """A source package: its version and its files with their SHA-256.

    `instead_of` is the pinned version where the archive no longer has it and offers this one.
    """

    package: str
    version: str
    files: tuple[tuple[str, str], ...]
    instead_of: str = ""

    @property
    def warning(self) -> str:
        """Say what differs from the pin (docs/decisions/0101); nothing if nothing does."""
        if not self.instead_of:
            return ""
        return (
            f"warning: Debian's archive offers {self.package} {self.version}, and no longer "
            f"{self.instead_of}, which firmware/sources.toml pins: building what is offered; bytes "
            "will differ from a build with the pinned one until the pin is edited (`make -C "
            "firmware pins` prints it)"
        )


def source_step(pin: SourcePin, apt: Path = APT) -> Step:
    """Download the package's files and compare them with the pin."""

    def make(context: Context) -> None:
        archive = Archive(context.work, context.log, context.env, apt)
        said = archive.update()  # one of several may be away; what counts is whether this one comes
        try:
            archive.download(pin.package, pin.version)
        except BuildError as error:
            raise BuildError(
                f"{error}\n{pin.package} {pin.version} does not come: {advice(f'{said}{error}')}"
            ) from error
        for name, sha256 in pin.files:
            path = context.work / name
            if file_digest(path) != sha256:
                raise BuildError(
                    f"{name} has SHA-256 {file_digest(path)}, firmware/sources.toml says {sha256}: "
                    "somebody must find out why before the pin is changed"
                )
            path.rename(context.out / name)

    return Step(f"source-{pin.package}", make, {"pin": repr(pin)})


def found(
    pins: Mapping[str, SourcePin], cache: Cache, env: Mapping[str, str], apt: Path = APT
) -> dict[str, SourcePin]:
    """Return what is built of each pin: another revision where the archive has dropped it.

    The archive is asked only for what the cache does not hold.
    """
    held = {name: _held(pin, cache) for name, pin in pins.items()}
    if all(held.values()):
        return {name: pin for name, pin in held.items() if pin}
    with tempfile.TemporaryDirectory(prefix="archive-", dir=cache.root) as folder:
        log = cache.root / "logs" / f"archive-{os.getpid()}.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text("")
        archive = Archive(Path(folder), log, env, apt)
        said = archive.update()
        chosen = {name: held[name] or _offered(pin, archive, said) for name, pin in pins.items()}
    log.unlink()
    for name, pin in chosen.items():
        _note(cache, pins[name], pin)
    return chosen


def _held(pin: SourcePin, cache: Cache) -> SourcePin | None:
    """Return the pin, or what was built in its place before, if the cache holds its files."""
    if cache.has(source_step(pin)):
        return pin
    try:
        other = json.loads(_note_of(cache, pin).read_text())
        files = tuple((name, sha256) for name, sha256 in other["files"])
        revision = SourcePin(**(other | {"files": files}))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
    return revision if cache.has(source_step(revision)) else None


def _note_of(cache: Cache, pin: SourcePin) -> Path:
    step = source_step(pin)
    return cache.root / f"revision-{pin.package}-{step.key}.json"


def _note(cache: Cache, pin: SourcePin, chosen: SourcePin) -> None:
    """Keep what stands in for the pin: with its files in the cache, nobody is asked again."""
    if chosen != pin:
        path = _note_of(cache, pin)
        fresh = path.with_name(f".{path.name}-{os.getpid()}")
        fresh.write_text(json.dumps(asdict(chosen)))
        fresh.rename(path)


def _offered(pin: SourcePin, archive: Archive, said: str) -> SourcePin:
    """Return the pin if it is offered, else the newest revision of its version, or the newest.

    Raises:
        BuildError: nothing is offered, or what is older while an archive could not be read.
    """
    versions = archive.versions(pin.package)
    if pin.version in versions:
        return pin
    newest = _newest(pin, versions)
    if not newest or (said and compared(newest, pin.version) < 0):
        offers = f"offers {newest}" if newest else "offers no source of it"
        raise BuildError(
            f"{said}\nDebian's archive, as far as it could be read, does not have {pin.package} "
            f"{pin.version}, which firmware/sources.toml pins, and {offers}: {advice(said)}. "
            "A mirror needs source packages (deb-src), too"
        )
    files = archive.files(pin.package, newest)
    return SourcePin(pin.package, newest, files, instead_of=pin.version)


def _newest(pin: SourcePin, versions: Sequence[str]) -> str:
    """Return the newest revision of the pinned version; without one the newest of all, or ''."""
    upstream = pin.version.rpartition("-")[0]
    same = [version for version in versions if version.rpartition("-")[0] == upstream]
    return next(iter(same or versions), "")


def unpack(pin: SourcePin, downloaded: Path, context: Context, env_log: Path) -> Path:
    """Unpack with Debian's patches applied; the hashes were checked when it was fetched."""
    tree = context.work / pin.package
    dsc = next(name for name, _ in pin.files if name.endswith(".dsc"))
    command = ["dpkg-source", "--no-check", "-x", downloaded / dsc, tree]
    shell.run(command, cwd=context.work, log=env_log, env=context.env)
    return tree


def apply(patches: Iterable[Path], pin: SourcePin, tree: Path, context: Context) -> None:
    """Apply our patches to the tree of a source package.

    Raises:
        BuildError: one does not fit; says who must act.
    """
    for patch in patches:
        command = ["patch", "-p1", "--forward", "-i", patch]
        try:
            shell.run(command, cwd=tree, log=context.log, env=context.env)
        except BuildError as error:
            raise BuildError(
                f"{error}\n{patch.name} does not apply to {pin.package} {pin.version}: whoever "
                "keeps this repository must make the patch fit"
            ) from error


@contextmanager
def blamed(pin: SourcePin) -> Iterator[None]:
    """Say of whatever fails that another revision than the pinned one is being built."""
    try:
        yield
    except BuildError as error:
        if not pin.instead_of:
            raise
        raise BuildError(
            f"{error}\nThis is {pin.package} {pin.version}; firmware/ was made for the pinned "
            f"{pin.instead_of}, which Debian's archive no longer has. Unless it is this machine's "
            "fault (a full disk), whoever keeps this repository must make firmware/ fit and edit "
            "the pin in firmware/sources.toml (`make -C firmware pins` prints it)"
        ) from error


def print_pins(pins: Iterable[SourcePin], folder: Path, apt: Path = APT) -> str:
    """Text of the [source.*] tables for what the archive offers now."""
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    archive = Archive(folder, folder / "log", env, apt)
    said = archive.update()
    tables = []
    for pin in pins:
        newest = _newest(pin, archive.versions(pin.package))
        if not newest:
            raise BuildError(f"{said}\nno source of {pin.package} is offered: {advice(said)}")
        files = archive.files(pin.package, newest)
        lines = "".join(f'  ["{name}", "{sha256}"],\n' for name, sha256 in files)
        tables.append(f'[source.{pin.package}]\nversion = "{newest}"\nfiles = [\n{lines}]\n')
    return "\n".join(tables)


def package_version(package: str) -> str:
    """Installed version of a Debian package."""
    text = shell.output(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package])
    status, _, version = text.partition(" ")
    if status != "installed":
        raise BuildError(
            f"Debian package {package} is not installed; the build needs all of "
            "firmware/packages.txt: run `make set-up`"
        )
    return version
