# SPDX-License-Identifier: MIT
"""What a good board does with each combination, and how what was seen is judged."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rig.pairs import Pair, Verdict, of_kernel, of_move, of_state, refused, runs
from rig.release import Release
from rig.report import build
from rig.results import Results

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "reference"


def release(name: str, kernel: str, layout: int) -> Release:
    nowhere = Path("/nowhere")
    return Release(
        name=name,
        bundle=nowhere,
        bundle_sha256="",
        golden=nowhere,
        golden_sha256="",
        image=nowhere,
        image_sha256="",
        image_size=1,
        kernel=kernel,
        state_layout=layout,
        state_layout_min=1,
    )


OLD, NEW = release("1.0.0", "6.1.0", 1), release("2.1.0", "6.12.0", 2)


def pair(**changes: Any) -> Pair:
    values: dict[str, Any] = {"part": "bundle", "subject": "corrupt", "accepted": False}
    return Pair(**(values | {"expected": refused("hash"), "seen": refused("hash")} | changes))


def test_only_a_releases_own_kernel_may_run() -> None:
    assert of_kernel("6.12.0", NEW, OLD) == "runs 2.1.0"
    assert of_kernel("6.1.0", NEW, OLD) == "falls back to 1.0.0"


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
        ({}, Verdict.as_expected),
        ({"seen": refused("size")}, Verdict.differs),
        ({"harm": ("datagrams lost: 1",)}, Verdict.differs),
        ({"seen": runs("2.0.0"), "accepted": True}, Verdict.silent),
        ({"expected": runs("2.0.0"), "seen": runs("1.0.0"), "accepted": True}, Verdict.differs),
        ({"seen": "", "error": "the lab must act"}, Verdict.bench),
    ],
)
def test_each_difference_shows_and_a_silent_acceptance_by_name(
    changes: dict[str, Any], verdict: Verdict
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
