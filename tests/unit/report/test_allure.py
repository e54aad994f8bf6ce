# SPDX-License-Identifier: MIT
"""What Allure is told of a run: one sample a figure, and each run once in the history."""

import json
from pathlib import Path

import numpy as np
import yaml

from rig.nights.night import FigureKey, Night, Sample
from rig.report.allure import PERFORMANCE, _configure


def configured(folder: Path) -> dict[str, object]:
    night = Night(
        label="tonight",
        started_at_s=1e9,
        samples={FigureKey("1.0.0 → 2.0.0", "boot"): Sample(np.array([5.0, 7.0, 6.0]))},
    )
    _configure(folder, folder / "allurerc.yml", night)
    found = yaml.safe_load((folder / "allurerc.yml").read_text(encoding="utf-8"))
    return dict(found)


def test_median_and_worst_are_one_sample_each(tmp_path: Path) -> None:
    """Allure compares the mean of a metric's samples: the worst must stand alone."""
    (tmp_path / "allure-results").mkdir()

    settings = configured(tmp_path)

    samples = json.loads((tmp_path / "allure-results" / PERFORMANCE).read_text())
    assert [(one["key"].split()[0], one["value"]) for one in samples] == [
        ("boot.median", 6.0),
        ("boot.worst", 7.0),
    ]
    assert {one["start"] for one in samples} == {10**12}
    known = settings["performance"]["metrics"]  # type: ignore[index]
    assert set(known) == {one["key"] for one in samples}


def test_a_report_that_is_made_again_is_no_second_run(tmp_path: Path) -> None:
    (tmp_path / "allure-results").mkdir()
    assert configured(tmp_path)["appendHistory"] is True
    (tmp_path / "allure").mkdir()
    (tmp_path / "allure" / "index.html").touch()
    settings = configured(tmp_path)
    assert settings["appendHistory"] is False
    assert settings["historyPath"] == str(tmp_path.parent / "allure-history.jsonl")
