# SPDX-License-Identifier: MIT
"""What an installation brings, and what one without the checkout can do."""

import re
import subprocess
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

from rig.board.flash_map import FLASH_MAP
from rig.cli import pytest_run
from rig.errors import UsageError
from rig.report.allure import SOURCES
from rig.report.templates import TEMPLATES

ROOT = Path(__file__).resolve().parents[3]
SET_UP = (ROOT / "tools" / "set-up").read_text()


def test_nothing_of_ours_brings_the_stock_pyserial_over_labgrids() -> None:
    """Both own the folder `serial`; who is installed last wins (labgrid issue 1245)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = (ROOT / "constraints.txt").read_text().splitlines()

    names = {re.split(r"[\s\[=<>;!~]", line)[0].lower() for line in [*asked, *pinned]}

    assert "pyserial" not in names
    assert any(need.startswith("pyserial-labgrid") for need in requires("labgrid") or ())


def test_without_its_checkout_the_rig_says_what_it_can_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest_run.need_checkout()  # the partner
    monkeypatch.setattr(pytest_run, "BOARD_TESTS", tmp_path / "tests" / "board")

    with pytest.raises(UsageError, match="pip install -e CHECKOUT"):
        pytest_run.new_folder()
    with pytest.raises(UsageError, match="pip install -e CHECKOUT"):
        pytest_run.command(["test_cycle.py"], tmp_path / "place.yaml", tmp_path)


def test_what_the_rig_reads_beside_its_code_is_in_a_wheel() -> None:
    """rig/shipped/ has links: a wheel takes only what its settings name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    package = ROOT / "rig"

    taken = {path for line in settings["package-data"]["rig"] for path in package.glob(line)}

    shipped = package / "shipped"
    links = [path for path in shipped.iterdir() if path.is_file()]
    links += [path for folder in shipped.iterdir() if folder.is_dir() for path in folder.iterdir()]
    assert {path for path in links if path.name != "node_modules"} == taken
    assert (shipped / "flash-map.toml").resolve() == FLASH_MAP
    assert {TEMPLATES, SOURCES} <= {path.resolve() for path in shipped.iterdir()}


@pytest.mark.parametrize(
    ("said", "advised"),
    [
        ("E: Release file for x is not valid yet (invalid for another 21d)", "clock is behind"),
        ("E: Release file for x is expired (invalid since 3d)", "has run out"),
        ("W: GPG error: x NO_PUBKEY 0E98404D386FA1D9", "debian-archive-keyring"),
        ("E: Could not get lock /var/lib/apt/lists/lock.", "another apt is at work"),
        ("E: You don't have enough: No space left on device", "free space"),
        ("Err:1 x 407  Proxy Authentication Required", "http_proxy"),
        ("E: something else", "package sources"),
    ],
)
def test_what_apt_says_is_turned_into_what_is_to_be_done(said: str, advised: str) -> None:
    advice = SET_UP[SET_UP.index("advice() {") : SET_UP.index("wanted_packages() {")]
    done = subprocess.run(
        ["sh", "-euc", f"{advice}\nadvice"], input=said, capture_output=True, text=True, check=True
    )
    assert advised in done.stdout
