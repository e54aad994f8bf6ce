# SPDX-License-Identifier: MIT
"""Seeded defects: each applies to today's code, and is what its entry says it is."""

import ctypes
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from firmware.build import defects
from firmware.build.errors import BuildError
from rig.campaign.flash_planter import FUTURE, future_state
from rig.cli.command import _parser

TABLE: dict[str, Any] = tomllib.loads((defects.FOLDER / "defects.toml").read_text())["defect"]
# docs/explanation/fault-model.md, "Proof that the rig can see"
NAMED = {
    "commit-before-write",
    "write-unverified",
    "two-commits",
    "fallback-disabled",
    "version-ignored",
    "stale-state",
    "bootcount-kept",
}
READING_OK = 0


def test_every_defect_that_the_fault_model_names_is_seeded() -> None:
    assert set(defects.names()) >= NAMED


@pytest.mark.parametrize("name", defects.names())
def test_a_patch_applies_and_leaves_scripts_that_a_shell_can_read(name: str) -> None:
    with defects.patched(name) as folder:
        scripts = [*folder.glob("board/walnut-update*"), *folder.glob("board/rootfs/etc/init.d/*")]
        for script in scripts:
            subprocess.run(["sh", "-n", script], check=True)


def test_a_patch_that_does_not_apply_any_more_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = (defects.FOLDER / "two-commits.patch").read_text()
    (tmp_path / "old.patch").write_text(patch.replace('"$1" "$2" |', '"$2" "$1" |'))
    monkeypatch.setattr(defects, "FOLDER", tmp_path)
    with pytest.raises(BuildError, match=r"old\.patch failed"), defects.patched("old"):
        pytest.fail("it was applied")


@pytest.mark.parametrize("name", TABLE)
def test_an_entry_names_a_campaign_that_there_is(name: str) -> None:
    entry = TABLE[name]
    words = [*shlex.split(entry["campaign"]), "--place", "places/virtual.yaml"]
    assert _parser().parse_args(words).command in {"sweep", "cycle", "mismatch"}
    assert set(entry) <= {"breaks", "campaign", "finds", "fault", "sound"}
    both = "fault" in entry and (defects.FOLDER / f"{name}.patch").exists()
    assert ("sound" in entry) is both, "what a sound board does under the same fault"


def test_a_service_that_ignores_the_version_reads_a_layout_that_no_release_knows(
    tmp_path: Path,
) -> None:
    """The partner is in test_walnutd_host: today's service does not."""
    data = future_state()
    with defects.patched("version-ignored") as folder:
        command = ["make", "-s", "-C", str(folder / "board/walnutd"), "host", "CC=gcc"]
        subprocess.run([*command, f"OUT={tmp_path}"], check=True)
    library = ctypes.CDLL(str(tmp_path / "libwalnut.so"))
    state, layout = ctypes.create_string_buffer(1 << 14), ctypes.c_uint16()
    reading = library.state_decode(data, ctypes.c_size_t(len(data)), state, ctypes.byref(layout))
    assert (reading, layout.value) == (READING_OK, FUTURE)
