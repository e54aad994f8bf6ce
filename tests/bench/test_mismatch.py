# SPDX-License-Identifier: MIT
"""A small part of `rig mismatch` on the bench, and that it sees a board which accepts too much."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.board.catalogue import BadBundle
from rig.campaign.campaign import Campaign
from rig.campaign.mismatch import Mismatch
from rig.faults.expectations import Pair, PairVerdict
from rig.place.place import Place
from rig.records.run import Results

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
    assert (pair.verdict, pair.seen) == (PairVerdict.silent, "runs 2.0.0")
    assert any("flash operations" in harm for harm in pair.harm)


def test_a_mixture_falls_back_and_is_told_from_a_release(mismatch: Mismatch, place: Place) -> None:
    *_, prom = place.catalogue.proms.values()
    release = place.catalogue.release("2.0.0")
    other = place.catalogue.release("1.0.0").kernel

    pair = mismatch.kernel(other, release, prom, release.state_layout)

    assert pair.verdict is PairVerdict.as_expected, pair
    assert pair.seen == "falls back to 1.0.0, state kept"
    # The partner: were it a release of that kernel, falling back would be the fault.
    pair = dataclasses.replace(pair, expected="runs 2.0.0, state kept")
    assert pair.verdict is PairVerdict.differs


def test_a_newer_state_is_left_alone_by_an_older_release(mismatch: Mismatch, place: Place) -> None:
    first = next(iter(place.catalogue.proms.values()))
    pair = mismatch.state(2, place.catalogue.release("2.0.0"), first)
    assert pair.verdict is PairVerdict.as_expected, pair


def test_a_board_that_another_prom_starts_is_seen(
    mismatch: Mismatch, place: Place, tmp_path: Path
) -> None:
    """The partner: a PROM of no bytes, so that the fallback starts the board."""
    first = next(iter(place.catalogue.proms.values()))
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"")
    broken = dataclasses.replace(first, partition=nothing)
    pair = mismatch.prom(broken, place.catalogue.release("1.0.0"))
    assert (pair.verdict, pair.seen) == (PairVerdict.differs, "runs 1.0.0")
    assert pair.harm == (f"started by U-Boot {place.catalogue.prom_fallback}",)


def test_a_module_is_refused_if_it_is_of_another_kernel_or_there_already(
    mismatch: Mismatch, place: Place
) -> None:
    release = place.catalogue.release("1.0.0")
    seen = {}
    for kernel, module in place.catalogue.modules.items():
        pair = mismatch.module(module, release)
        seen[kernel == release.kernel] = essence(pair)
        assert ("walnut_io" in pair.detail) is (kernel != release.kernel), pair
    refused = "refused: invalid module format, and the kernel says why"
    assert seen == {True: ("refused: File exists", True), False: (refused, True)}


def test_a_module_that_is_refused_for_another_reason_is_seen(
    mismatch: Mismatch, place: Place
) -> None:
    """The partner: the kernel's own module, said to be of another one."""
    release = place.catalogue.release("1.0.0")
    own = place.catalogue.modules[release.kernel]
    pair = mismatch.module(dataclasses.replace(own, kernel="6.0.0"), release)
    assert (pair.verdict, pair.seen) == (PairVerdict.differs, "refused: File exists")
