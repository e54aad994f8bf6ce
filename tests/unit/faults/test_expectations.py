# SPDX-License-Identifier: MIT
"""What a good board does with each combination, and how what was seen is judged."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from rig.board.catalogue import Module, Release
from rig.campaign.flash_planter import Planter
from rig.faults.expectations import (
    Pair,
    PairVerdict,
    of_kernel,
    of_module,
    of_move,
    of_state,
    refused,
    runs,
)
from rig.records.run import Results
from rig.report.build import build
from tests.unit.helpers.scripted import release

SCHEMAS = Path(__file__).resolve().parents[3] / "docs" / "reference"


OLD, NEW = release("1.0.0", "6.1.0", 1), release("2.1.0", "6.12.0", 2)


def pair(**changes: Any) -> Pair:
    values: dict[str, Any] = {"part": "bundle", "subject": "corrupt", "accepted": False}
    return Pair(**(values | {"expected": refused("hash"), "seen": refused("hash")} | changes))


@pytest.mark.parametrize(
    ("kernel", "release", "old", "layout", "expected"),
    [
        ("6.12.0", NEW, OLD, 1, "runs 2.1.0, state kept"),
        ("6.1.0", NEW, OLD, 1, "falls back to 1.0.0, state kept"),
        ("6.12.0", NEW, NEW, 2, "runs 2.1.0, state kept"),
        ("6.1.0", NEW, NEW, 2, "falls back to 2.1.0, state kept"),
        ("6.1.0", OLD, NEW, 2, "falls back to 2.1.0, state kept"),
    ],
)
def test_a_release_runs_under_its_own_kernel_with_a_state_that_it_reads(
    kernel: str, release: Release, old: Release, layout: int, expected: str
) -> None:
    assert of_kernel(kernel, release, old, layout) == expected


def test_a_module_is_refused_with_the_kernels_reason_or_because_it_is_there() -> None:
    module = Module(kernel="6.1.0", module=Path("walnut_io.ko"))
    assert of_module(module, OLD) == "refused: File exists"
    assert of_module(module, NEW) == "refused: invalid module format, and the kernel says why"


@pytest.mark.parametrize(
    ("layout", "found_by", "expected"),
    [
        (1, OLD, "runs, keeps it, writes layout 1"),
        (1, NEW, "runs, keeps it, writes layout 2"),
        (2, NEW, "runs, keeps it, writes layout 2"),
        (2, OLD, "answers, stores nothing, leaves it alone"),
        (3, NEW, "answers, stores nothing, leaves it alone"),
    ],
)
def test_a_state_is_kept_or_left_alone(layout: int, found_by: Release, expected: str) -> None:
    assert of_state(layout, found_by) == expected


def test_a_downgrade_is_refused_once_the_new_layout_is_stored() -> None:
    assert of_move(2, OLD) == "refused: state"
    assert of_move(1, OLD) == "runs 1.0.0, state kept"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, PairVerdict.as_expected),
        ({"seen": refused("size")}, PairVerdict.differs),
        ({"harm": ("datagrams lost: 1",)}, PairVerdict.differs),
        ({"seen": runs("2.0.0"), "accepted": True}, PairVerdict.silent),
        ({"expected": runs("2.0.0"), "seen": runs("1.0.0"), "accepted": True}, PairVerdict.differs),
        ({"seen": "", "error": "the lab must act"}, PairVerdict.bench),
    ],
)
def test_each_difference_shows_and_a_silent_acceptance_by_name(
    changes: dict[str, Any], verdict: PairVerdict
) -> None:
    assert pair(**changes).verdict is verdict


def built(folder: Path, *pairs: Pair) -> tuple[dict[str, Any], dict[str, Any], str]:
    folder = folder / "run"
    results = Results.create(folder / "results.sqlite", place="virtual", command="rig mismatch")
    for item in pairs:
        results.add_pair(item)
    results.finish("complete")
    results.close()
    build(folder, pytest.fail, allure=False)
    summary = json.loads((folder / "summary.json").read_text())
    document = json.loads((folder / "mismatch.json").read_text())
    return summary, document, (folder / "mismatch.html").read_text()


def test_a_run_of_pairs_is_reported_by_its_schemas(tmp_path: Path) -> None:
    silent = pair(subject="<evil>", seen=runs("2.0.0"), accepted=True)

    summary, document, page = built(tmp_path, pair(), silent)

    for name, found in (("summary", summary), ("mismatch", document)):
        schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
        jsonschema.validate(found, schema)
    assert summary["verdict"] == document["verdict"] == "product"
    assert summary["pairs"] == {"as expected": 1, "differs": 0, "silent": 1, "bench": 0}
    assert page.index("&lt;evil&gt;") < page.index("corrupt"), "the worst comes first"
    assert "src=" not in page
    assert "http" not in page


def test_a_run_without_a_difference_is_good(tmp_path: Path) -> None:
    summary, document, _ = built(tmp_path, pair())
    assert (summary["verdict"], document["verdict"]) == ("good", "good")


@pytest.mark.parametrize(
    ("release", "layout", "other"),
    [(OLD, 1, "2.1.0"), (NEW, 1, "1.0.0"), (OLD, 2, "2.1.0"), (NEW, 2, "2.1.0")],
)
def test_what_is_fallen_back_to_reads_the_state(
    tmp_path: Path, release: Release, layout: int, other: str
) -> None:
    sound = {found.name: found for found in (OLD, NEW)}
    place: Any = SimpleNamespace(catalogue=SimpleNamespace(sound=sound))
    planter = Planter(place, tmp_path / "flash.nor", pytest.fail)
    assert planter.other(release, layout).name == other
