# SPDX-License-Identifier: MIT
"""Fetch pinned Debian source packages, with the system's own sources and apart from its lists."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from firmware.build import shell
from firmware.build.errors import BuildError
from firmware.build.step import Context, Step, file_digest

APT = Path("/etc/apt")


@dataclass(frozen=True)
class SourcePin:
    """A source package: its version and its files with their SHA-256."""

    package: str
    version: str
    files: tuple[tuple[str, str], ...]


def source_step(pin: SourcePin) -> Step:
    """Download the package's files and compare them with the pin."""

    def make(context: Context) -> None:
        options = apt_options(context.work)
        write_source_lists(context.work)
        # One archive of several may be out of reach; what counts is whether the source comes.
        _try(context, ["apt-get", "-q", *options, "update"])
        error = _try(
            context,
            [
                "apt-get",
                "-q",
                *options,
                "source",
                "--download-only",
                f"{pin.package}={pin.version}",
            ],
        )
        for name, sha256 in pin.files:
            path = context.work / name
            if not path.is_file():
                raise BuildError(_moved_on(pin, context, options) + (f"\n{error}" if error else ""))
            if file_digest(path) != sha256:
                raise BuildError(
                    f"{name} has SHA-256 {file_digest(path)}, firmware/sources.toml says {sha256}: "
                    "somebody must find out why before the pin is changed"
                )
            path.rename(context.out / name)

    return Step(f"source-{pin.package}", make, {"pin": repr(pin)})


def unpack(pin: SourcePin, downloaded: Path, context: Context, env_log: Path) -> Path:
    """Unpack with Debian's patches applied; the hashes were checked when it was fetched."""
    tree = context.work / pin.package
    dsc = next(name for name, _ in pin.files if name.endswith(".dsc"))
    command = ["dpkg-source", "--no-check", "-x", downloaded / dsc, tree]
    shell.run(command, cwd=context.work, log=env_log, env=context.env)
    return tree


def _try(context: Context, command: list[str]) -> str:
    try:
        shell.run(command, cwd=context.work, log=context.log, env=context.env)
    except BuildError as error:
        return str(error)
    return ""


def _moved_on(pin: SourcePin, context: Context, options: list[str]) -> str:
    offered = offered_versions(pin.package, options, context.work)
    return (
        f"Debian's archive does not offer {pin.package} {pin.version}, which firmware/sources.toml "
        f"pins; it offers {', '.join(offered) or 'nothing: is the network up?'}. When it has moved "
        "on, whoever keeps this repository looks at `make -C firmware pins` and edits the pin"
    )


def offered_versions(package: str, options: list[str], folder: Path) -> list[str]:
    """Versions of a source package that the archive has now."""
    text = shell.output(["apt-cache", *options, "showsrc", "--only-source", package], cwd=folder)
    return re.findall(r"^Version: (\S+)$", text, re.MULTILINE)


def apt_options(folder: Path) -> list[str]:
    """Point apt at our own source lists and package lists; the system's stay as they are."""
    return [
        *("-o", "Dir::Etc::sourcelist=/dev/null"),
        *("-o", f"Dir::Etc::sourceparts={folder}/sources/"),
        *("-o", f"Dir::State::lists={folder}/lists"),
        *("-o", f"Dir::Cache={folder}/cache"),
        # _apt may not enter our cache; without root apt does not change users anyway
        *("-o", "APT::Sandbox::User=root"),
        *("-o", "APT::Get::Only-Source=true"),
    ]


def write_source_lists(folder: Path, apt: Path = APT) -> None:
    """Write deb-src entries for the system's deb entries, one-line and deb822 style both."""
    target = folder / "sources"
    target.mkdir(exist_ok=True)
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    parts = apt / "sources.list.d"
    one_line = [
        path for path in (apt / "sources.list", *sorted(parts.glob("*.list"))) if path.is_file()
    ]
    lines = [line for path in one_line for line in source_lines(path.read_text().splitlines())]
    (target / "walnut.list").write_text("".join(f"{line}\n" for line in lines))
    stanzas = [
        stanza
        for path in sorted(parts.glob("*.sources"))
        for stanza in source_stanzas(path.read_text())
    ]
    (target / "walnut.sources").write_text("\n".join(stanzas))
    if not lines and not stanzas:
        raise BuildError(f"no `deb` entry in {apt}/sources.list or {parts}: where is Debian?")


def source_lines(lines: Iterable[str]) -> list[str]:
    """deb-src lines for one-line style entries (sources.list(5))."""
    return [re.sub(r"^\s*deb\s", "deb-src ", line) for line in lines if re.match(r"\s*deb\s", line)]


def source_stanzas(text: str) -> list[str]:
    """deb-src stanzas for deb822 style entries that are enabled (sources.list(5))."""
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = "\n".join(line for line in stanza.splitlines() if not line.startswith("#"))
        types = re.search(r"^Types:(.*)$", fields, re.MULTILINE | re.IGNORECASE)
        disabled = re.search(r"^Enabled:\s*(no|false|0)\s*$", fields, re.MULTILINE | re.IGNORECASE)
        if types and not disabled and "deb" in types[1].split():
            found.append(fields.replace(types[0], "Types: deb-src").strip() + "\n")
    return found


def print_pins(pins: Iterable[SourcePin], folder: Path) -> str:
    """Text of the [source.*] tables for what the archive offers now."""
    write_source_lists(folder)
    options = apt_options(folder)
    shell.output(["apt-get", "-q", *options, "update"], cwd=folder)
    tables = []
    for pin in pins:
        version = offered_versions(pin.package, options, folder)[0]
        command = ["apt-get", *options, "source", "--print-uris", f"{pin.package}={version}"]
        uris = shell.output(command, cwd=folder)
        files = re.findall(r"^'\S+' (\S+) \d+ SHA256:([0-9a-f]{64})", uris, re.MULTILINE)
        lines = "".join(f'  ["{name}", "{sha256}"],\n' for name, sha256 in files)
        tables.append(f'[source.{pin.package}]\nversion = "{version}"\nfiles = [\n{lines}]\n')
    return "\n".join(tables)


def package_version(package: str) -> str:
    """Installed version of a Debian package."""
    text = shell.output(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package])
    status, _, version = text.partition(" ")
    if status != "installed":
        raise BuildError(
            f"Debian package {package} is not installed; {os.path.relpath(APT.root)} needs all of "
            "firmware/packages.txt: run `make set-up`"
        )
    return version
