# SPDX-License-Identifier: MIT
"""Pinned sources and an archive that moves on: a small one of our own, as apt reads any."""

import gzip
import io
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from firmware.build import shell, sources
from firmware.build.archive import advice
from firmware.build.errors import BuildError
from firmware.build.sources import SourcePin, blamed, found, print_pins, source_step
from firmware.build.step import Cache, Context, Step

PACKAGE = "walnut-sample"
OLD, NEW = "1.0-2+deb12u1", "1.0-2+deb12u2"
LIST = "deb [trusted=yes] file:{} ./\n"
CHANGELOG = f"""{PACKAGE} ({{}}) bookworm; urgency=low

  * Sample.

 -- A Tester <tester@example.org>  Sat, 28 Nov 2026 12:00:00 +0000
"""
CONTROL = f"""Source: {PACKAGE}
Maintainer: A Tester <tester@example.org>
Standards-Version: 4.6.2

Package: {PACKAGE}
Architecture: all
Description: sample
"""


class Debian:
    """An archive of one source package, and a machine that has it in its sources.list."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "repository"
        self.repository.mkdir(parents=True)
        self.apt = folder / "apt"
        (self.apt / "sources.list.d").mkdir(parents=True)
        (self.apt / "sources.list").write_text(LIST.format(self.repository))
        self.cache = Cache(folder / "cache")
        self.env = shell.environment(1735689600)

    def offer(self, *versions: str, text: str = "one\n") -> None:
        """Have these versions, and no other."""
        for path in self.repository.iterdir():
            path.unlink()
        for version in versions:
            self._add(version, text)
        index = shell.output(["dpkg-scansources", "."], cwd=self.repository)
        (self.repository / "Sources").write_text(index)

    def _add(self, version: str, text: str) -> None:
        upstream = version.rpartition("-")[0]
        tree = self.repository.parent / f"{PACKAGE}-{upstream}"
        shutil.rmtree(tree, ignore_errors=True)
        files = {
            "control": CONTROL,
            "changelog": CHANGELOG.format(version),
            "rules": "",
            "source/format": "3.0 (quilt)\n",
        }
        for name, content in files.items():
            path = tree / "debian" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        (tree / "hello").write_text(text)
        with io.BytesIO() as stream:
            with tarfile.open(fileobj=stream, mode="w") as archive:
                member = tarfile.TarInfo(f"{PACKAGE}-{upstream}/hello")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
            data = gzip.compress(stream.getvalue(), mtime=0)
        (self.repository / f"{PACKAGE}_{upstream}.orig.tar.gz").write_bytes(data)
        shell.output(["dpkg-source", "-b", str(tree)], cwd=self.repository)

    def pin(self, version: str) -> SourcePin:
        """Return the pin as `make -C firmware pins` prints it for what is offered now."""
        folder = self.cache.root / "pins"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        text = print_pins([SourcePin(PACKAGE, version, ())], folder, self.apt)
        assert f'version = "{version}"' in text
        return SourcePin(PACKAGE, version, tuple(re.findall(r'\["(\S+)", "(\w{64})"\]', text)))

    def found(self, pin: SourcePin) -> SourcePin:
        return found({PACKAGE: pin}, self.cache, self.env, self.apt)[PACKAGE]

    def build(self, step: Step) -> Path:
        return self.cache.build(step, self.env, 1)


@pytest.fixture
def debian(tmp_path: Path) -> Debian:
    return Debian(tmp_path)


@pytest.fixture
def pin(debian: Debian) -> SourcePin:
    """Return a pin that the archive has moved on from."""
    debian.offer(OLD)
    pin = debian.pin(OLD)
    debian.offer(NEW)
    return pin


def test_the_pinned_revision_is_built_while_the_archive_has_it(debian: Debian) -> None:
    debian.offer(OLD)
    pin = debian.pin(OLD)
    debian.offer(OLD, NEW)

    assert debian.found(pin) == pin
    assert pin.warning == ""
    assert {path.name for path in debian.build(source_step(pin, debian.apt)).iterdir()} == {
        name for name, _ in pin.files
    }


def test_another_revision_is_built_with_a_warning_that_names_both(
    debian: Debian, pin: SourcePin
) -> None:
    other = debian.found(pin)

    assert (other.version, other.instead_of) == (NEW, OLD)
    assert NEW in other.warning
    assert OLD in other.warning
    files = debian.build(source_step(other, debian.apt))
    assert {path.name for path in files.iterdir()} == {name for name, _ in other.files}


def test_what_the_cache_holds_is_built_again_without_an_archive(
    debian: Debian, pin: SourcePin
) -> None:
    other = debian.found(pin)
    debian.build(source_step(other, debian.apt))
    shutil.rmtree(debian.repository)

    assert debian.found(pin) == other


def test_a_newer_revision_of_the_same_version_comes_before_another_version(
    debian: Debian, pin: SourcePin
) -> None:
    """A machine may have backports in its sources.list: our patches are for this version."""
    debian.offer(NEW, "1.0-2+deb12u10", "2.0-1")
    assert debian.found(pin).version == "1.0-2+deb12u10"
    debian.offer("2.0-1")
    assert debian.found(pin).version == "2.0-1"


def test_an_archive_that_cannot_be_read_has_not_moved_on(debian: Debian, pin: SourcePin) -> None:
    """What is left may be older than the pin, and that is no security update."""
    debian.offer("1.0-1")
    assert debian.found(pin).version == "1.0-1", "the partner: all of it was read"
    gone = LIST.format(debian.repository.with_name("gone"))
    with (debian.apt / "sources.list").open("a") as stream:
        stream.write(gone)

    with pytest.raises(BuildError, match=r"as far as it could be read.*offers 1\.0-1"):
        debian.found(pin)


def test_an_archive_without_sources_is_named(debian: Debian, pin: SourcePin) -> None:
    debian.offer()
    with pytest.raises(BuildError, match=r"offers no source of it.*deb-src"):
        debian.found(pin)


def test_a_file_that_is_not_as_pinned_is_never_built(debian: Debian) -> None:
    debian.offer(OLD)
    pin = debian.pin(OLD)
    debian.offer(OLD, text="two\n")

    with pytest.raises(BuildError, match="somebody must find out why"):
        debian.build(source_step(pin, debian.apt))


PATCH = """--- a/hello
+++ b/hello
@@ -1 +1 @@
-one
+ours
"""


def patched(debian: Debian, pin: SourcePin, folder: Path) -> Path:
    """Build the package with a patch of ours, as U-Boot is."""
    (folder / "0001-ours.patch").write_text(PATCH)
    source = source_step(pin, debian.apt)
    debian.build(source)

    def make(context: Context) -> None:
        with blamed(pin):
            tree = sources.unpack(pin, context.needs["source"], context, context.log)
            sources.apply(folder.glob("*.patch"), pin, tree, context)
            (tree / "hello").rename(context.out / "hello")

    return debian.build(Step("sample", make, {"pin": repr(pin)}, {"source": source}))


def test_our_patches_are_applied_to_another_revision(
    debian: Debian, pin: SourcePin, tmp_path: Path
) -> None:
    assert (patched(debian, debian.found(pin), tmp_path) / "hello").read_text() == "ours\n"


def test_a_patch_that_does_not_apply_any_more_names_who_must_act(
    debian: Debian, pin: SourcePin, tmp_path: Path
) -> None:
    debian.offer("2.0-1", text="another\n")

    with pytest.raises(BuildError) as raised:
        patched(debian, debian.found(pin), tmp_path)

    said = str(raised.value)
    assert f"0001-ours.patch does not apply to {PACKAGE} 2.0-1" in said
    assert f"made for the pinned {OLD}" in said
    assert "whoever keeps this repository must" in said


@pytest.mark.parametrize(
    ("said", "advised"),
    [
        # As apt 2.6 says them.
        (
            "E: Release file for http://x/InRelease is not valid yet (invalid for another 21d).",
            "clock is behind",
        ),
        ("E: Release file for http://x/InRelease is expired (invalid since 3d).", "run out"),
        ("W: GPG error: NO_PUBKEY 0E98404D386FA1D9", "debian-archive-keyring"),
        ("Err:1 http://x  407  Proxy Authentication Required", "http_proxy"),
        ("Temporary failure resolving 'deb.debian.org'", "network"),
        ("E: Write error - write (28: No space left on device)", "free space"),
        ("something else", "apt's words"),
    ],
)
def test_what_apt_says_is_turned_into_what_is_to_be_done(said: str, advised: str) -> None:
    assert advised in advice(said)
