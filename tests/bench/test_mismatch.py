# SPDX-License-Identifier: MIT
"""A small part of `rig mismatch` on the bench, and that it sees a board which accepts too much."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.campaign import Campaign
from rig.mismatch import Mismatch
from rig.pairs import Pair, Verdict
from rig.place import Place
from rig.release import BadBundle
from rig.results import Results

pytestmark = pytest.mark.timeout(240)
# One of each kind that the updater once took, or was slow or silent about.
BUNDLES = (
    "member-parent",
    "manifest-nul",
    "fit-arch",
    "ramdisk-bomb",
    "replayed-old",
    "past-state",
)


@pytest.fixture
def mismatch(place: Place, tmp_path: Path) -> Iterator[Mismatch]:
    results = Results.create(tmp_path / "results.sqlite", place="bench", command="test")
    with Campaign(place, results, tmp_path, lambda _: None) as campaign:
        campaign.start("1.0.0")
        yield Mismatch(campaign, tmp_path)
    results.close()


def essence(pair: Pair) -> tuple[str, bool]:
    """Return what was seen, and whether the flash was left alone; a busy computer loses packets."""
    return pair.seen, not any("flash" in harm or "reboot" in harm for harm in pair.harm)


def test_bad_bundles_are_refused_one_after_the_other(mismatch: Mismatch, place: Place) -> None:
    bad = [place.catalogue.bundle(name) for name in BUNDLES]
    seen = {item.name: essence(mismatch.bundle(item)) for item in bad}
    assert seen == {item.name: (f"refused: {item.expect}", True) for item in bad}


def test_a_bundle_that_is_accepted_is_called_silent(mismatch: Mismatch, place: Place) -> None:
    """The partner: a good bundle that is said to be bad."""
    good = BadBundle(
        name="good", bundle=place.catalogue.release("2.0.0").bundle, expect="kernel-mismatch"
    )
    pair = mismatch.bundle(good)
    assert (pair.verdict, pair.seen) == (Verdict.silent, "runs 2.0.0")
    assert any("flash operations" in harm for harm in pair.harm)


def test_a_mixture_falls_back_and_is_told_from_a_release(mismatch: Mismatch, place: Place) -> None:
    mixture = place.catalogue.mixed["kernel-6.1-with-2.0.0"]
    release = place.catalogue.release(mixture.release)

    pair = mismatch.kernel(mixture.image, mixture.kernel, release)

    assert (pair.verdict, pair.seen) == (Verdict.as_expected, "falls back to 1.0.0"), pair
    # The partner: were it a release of that kernel, falling back would be the fault.
    pair = dataclasses.replace(pair, expected="runs 2.0.0")
    assert pair.verdict is Verdict.differs


def test_a_newer_state_is_left_alone_by_an_older_release(mismatch: Mismatch, place: Place) -> None:
    pair = mismatch.state(2, place.catalogue.release("2.0.0"))
    assert pair.verdict is Verdict.as_expected, pair
