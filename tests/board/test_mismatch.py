# SPDX-License-Identifier: MIT
"""`rig mismatch`: what a board does with all that does not fit, docs/explanation/fault-model.md.

A good board refuses or falls back; it never runs a mixture and never loses stored state.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rig.board.catalogue import Catalogue
from rig.campaign.campaign import Campaign
from rig.campaign.flash_planter import FUTURE
from rig.campaign.mismatch import Mismatch
from rig.faults.expectations import Pair, PairVerdict
from rig.place.file import load

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.timeout(300)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each combination that the place's firmware has."""
    catalogue = Catalogue.load(load(Path(metafunc.config.getoption("lg_env"))).firmware_index)
    releases = catalogue.sound
    layouts = sorted({release.state_layout for release in releases.values()})
    levels: dict[str, Iterable[object]] = {
        "bundle": catalogue.bundles,
        "release": releases,
        "kernel": dict.fromkeys(release.kernel for release in releases.values()),
        "module": catalogue.modules,
        "prom": catalogue.proms,
        "written": layouts,
        "layout": [*layouts, FUTURE],
        "older": [name for name in releases if releases[name].state_layout < layouts[-1]],
    }
    for name, values in levels.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, values)


@pytest.fixture(scope="module")
def mismatch(campaign: Campaign, run_folder: Path) -> Mismatch:
    return Mismatch(campaign, run_folder)


def check(pair: Pair) -> None:
    assert pair.verdict is PairVerdict.as_expected, (
        f"{pair.subject}: expected '{pair.expected}', seen '{pair.seen}' {' '.join(pair.harm)}"
    )


def test_a_bad_bundle_is_refused_and_the_service_untouched(
    mismatch: Mismatch, campaign: Campaign, bundle: str
) -> None:
    check(mismatch.bundle(campaign.place.catalogue.bundle(bundle)))


def test_a_module_of_another_kernel_is_refused_and_the_service_untouched(
    mismatch: Mismatch, campaign: Campaign, release: str, module: str
) -> None:
    """The running kernel's own module is the partner: it arrives whole, and is there already."""
    catalogue = campaign.place.catalogue
    check(mismatch.module(catalogue.modules[module], catalogue.release(release)))


def test_a_kernel_runs_with_its_own_root_file_system_alone(
    mismatch: Mismatch, campaign: Campaign, kernel: str, release: str, prom: str, written: int
) -> None:
    catalogue = campaign.place.catalogue
    found = catalogue.release(release)
    check(mismatch.kernel(kernel, found, catalogue.prom(prom), written))


def test_every_prom_starts_every_release(
    mismatch: Mismatch, campaign: Campaign, prom: str, release: str
) -> None:
    catalogue = campaign.place.catalogue
    check(mismatch.prom(catalogue.prom(prom), catalogue.release(release)))


def test_stored_state_is_kept_or_left_alone(
    mismatch: Mismatch, campaign: Campaign, prom: str, layout: int, release: str
) -> None:
    catalogue = campaign.place.catalogue
    check(mismatch.state(layout, catalogue.release(release), catalogue.prom(prom)))


def test_a_downgrade_that_would_lose_the_state_is_refused(
    mismatch: Mismatch, campaign: Campaign, older: str
) -> None:
    releases = campaign.place.catalogue.sound
    newest = list(releases.values())[-1]
    check(mismatch.move(newest.state_layout, newest, releases[older]))


def test_a_downgrade_is_allowed_while_nothing_is_stored_in_the_new_layout(
    mismatch: Mismatch, campaign: Campaign
) -> None:
    *_, older, newest = campaign.place.catalogue.sound.values()
    check(mismatch.move(older.state_layout, newest, older))


def test_an_upgrade_takes_the_state_along(mismatch: Mismatch, campaign: Campaign) -> None:
    *_, older, newest = campaign.place.catalogue.sound.values()
    check(mismatch.move(older.state_layout, older, newest))
