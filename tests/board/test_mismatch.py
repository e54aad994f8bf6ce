# SPDX-License-Identifier: MIT
"""`rig mismatch`: what a board does with all that does not fit, docs/explanation/fault-model.md.

A good board refuses or falls back; it never runs a mixture and never loses stored state.
"""

from pathlib import Path

import pytest

from rig.campaign import Campaign
from rig.mismatch import Mismatch
from rig.pairs import Pair, Verdict
from rig.place_file import firmware_index
from rig.planter import FUTURE
from rig.release import Catalogue

pytestmark = pytest.mark.timeout(300)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each combination that the place's firmware has."""
    catalogue = Catalogue.load(firmware_index(Path(metafunc.config.getoption("lg_env"))))
    releases, names = catalogue.sound, metafunc.fixturenames
    newest = list(releases)[-1]
    layouts = sorted({release.state_layout for release in releases.values()})
    if "bundle" in names:
        metafunc.parametrize("bundle", catalogue.bundles)
    elif "kernel" in names:
        kernels = dict.fromkeys(release.kernel for release in releases.values())
        metafunc.parametrize("release", releases)
        metafunc.parametrize("kernel", kernels)
    elif "prom" in names:
        metafunc.parametrize("release", releases)
        metafunc.parametrize("prom", catalogue.proms)
    elif "layout" in names:
        metafunc.parametrize("release", releases)
        metafunc.parametrize("layout", [*layouts, FUTURE])
    elif "older" in names:
        written = releases[newest].state_layout
        older = [name for name in releases if releases[name].state_layout < written]
        metafunc.parametrize("older", older)


@pytest.fixture(scope="module")
def mismatch(campaign: Campaign, folder: Path) -> Mismatch:
    return Mismatch(campaign, folder)


def check(pair: Pair) -> None:
    assert pair.verdict is Verdict.as_expected, (
        f"{pair.subject}: expected '{pair.expected}', seen '{pair.seen}' {' '.join(pair.harm)}"
    )


def test_a_bad_bundle_is_refused_and_the_service_untouched(
    mismatch: Mismatch, campaign: Campaign, bundle: str
) -> None:
    check(mismatch.bundle(campaign.place.catalogue.bundle(bundle)))


def test_a_kernel_runs_with_its_own_root_file_system_alone(
    mismatch: Mismatch, campaign: Campaign, kernel: str, release: str
) -> None:
    catalogue = campaign.place.catalogue
    found = catalogue.release(release)
    images = {(mix.kernel, mix.release): mix.image for mix in catalogue.mixed.values()}
    images[found.kernel, release] = found.image
    check(mismatch.kernel(images[kernel, release], kernel, found))


def test_every_prom_starts_every_release(
    mismatch: Mismatch, campaign: Campaign, prom: str, release: str
) -> None:
    catalogue = campaign.place.catalogue
    found = catalogue.proms[prom]
    check(mismatch.prom(found.version, found.partition, catalogue.release(release)))


def test_stored_state_is_kept_or_left_alone(
    mismatch: Mismatch, campaign: Campaign, layout: int, release: str
) -> None:
    check(mismatch.state(layout, campaign.place.catalogue.release(release)))


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


def test_a_release_that_cannot_read_the_state_is_never_confirmed(
    mismatch: Mismatch, campaign: Campaign
) -> None:
    *_, older, newest = campaign.place.catalogue.sound.values()
    check(mismatch.intruder(newest.state_layout, newest, older))
