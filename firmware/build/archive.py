# SPDX-License-Identifier: MIT
"""What the archives of this machine offer as source packages, apart from apt's own lists."""

import functools
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from firmware.build import shell
from firmware.build.errors import BuildError

APT = Path("/etc/apt")
# What apt says, and what is to be done about it.
ADVICE = {
    r"is not valid yet": "this computer's clock is behind: set it",
    r"is expired|is not valid anymore": (
        "the archive's signature has run out: this computer's clock is ahead, or the mirror is old"
    ),
    r"NO_PUBKEY|EXPKEYSIG|no longer signed|is not signed": (
        "the archive's keys are not this computer's: install debian-archive-keyring anew"
    ),
    r"\b407\b|proxy": "look at http_proxy and no_proxy",
    r"No space left on device": "the disk is full: free space",
    r"Temporary failure resolving|Could not resolve|Could not connect|Network is unreachable": (
        "is the network up?  Behind a proxy, set http_proxy"
    ),
}


class Archive:
    """The source packages of all archives in sources.list(5); `folder` holds what apt needs."""

    def __init__(self, folder: Path, log: Path, env: Mapping[str, str], apt: Path = APT) -> None:
        self._folder = folder
        self._log = log
        self._env = env
        self._options = apt_options(folder)
        write_source_lists(folder, apt)

    def update(self) -> str:
        """Read what is offered; return what went wrong, for one archive of several may be away."""
        try:
            self._run(["apt-get", "-q", *self._options, "update", "--error-on=any"])
        except BuildError as error:
            return str(error)
        return ""

    def versions(self, package: str) -> list[str]:
        """Return what is offered of a source package, the newest first."""
        command = ["apt-cache", *self._options, "showsrc", "--only-source", package]
        text = shell.output(command, cwd=self._folder)
        found = set(re.findall(r"^Version: (\S+)$", text, re.MULTILINE))
        return sorted(found, key=functools.cmp_to_key(compared), reverse=True)

    def files(self, package: str, version: str) -> tuple[tuple[str, str], ...]:
        """Return the names of an offered version's files, each with its SHA-256."""
        command = ["apt-get", *self._options, "source", "--print-uris", f"{package}={version}"]
        text = shell.output(command, cwd=self._folder)
        found = re.findall(r"^'\S+' (\S+) \d+ SHA256:([0-9a-f]{64})", text, re.MULTILINE)
        if not found:
            raise BuildError(f"the archive names no SHA-256 for {package} {version}:\n{text}")
        return tuple(found)

    def download(self, package: str, version: str) -> None:
        """Have the files of a version in the folder."""
        words = ["source", "--download-only", f"{package}={version}"]
        self._run(["apt-get", "-q", *self._options, *words])

    def _run(self, command: list[str]) -> None:
        shell.run(command, cwd=self._folder, log=self._log, env=self._env)


def advice(said: str) -> str:
    """Return what is to be done about apt's words, as far as they are known."""
    found = [what for pattern, what in ADVICE.items() if re.search(pattern, said)]
    return "; ".join(found) or "look at apt's words"


def compared(first: str, second: str) -> int:
    """Compare two versions as dpkg does: negative, zero, positive."""
    if first == second:
        return 0
    command = ["dpkg", "--compare-versions", first, "lt", second]
    return -1 if subprocess.run(command, check=False).returncode == 0 else 1


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
        *("-o", "Acquire::Retries=3"),
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
