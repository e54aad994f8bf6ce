# SPDX-License-Identifier: MIT
"""A run's figures: one upgrade second by second, and how its outages are distributed."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rig.records.run import Results
from rig.report.distribution import distribution, distributions
from rig.report.page import write_page
from rig.report.raw_times import Sight, sight
from rig.report.summary import summarise
from rig.report.upgrade import chosen, drawing
from tests.unit.helpers import recorded

GONE_S = (34.6, 36.6)  # from the last sign of life to the first one after
EVENTS = [
    {"at_s": 100.0 + at_s, "phase": phase, "event": event} for at_s, phase, event in recorded.SCRIPT
]


def times(gone: tuple[float, float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return signs of life, one a millisecond, with a silence."""
    every = np.arange(33_000, 43_001) / 1000.0
    return every[(every <= gone[0]) | (every >= gone[1])]


def raw_file(path: Path, **more: Any) -> Path:
    """Write raw times as a watch does: an outage of 2 s, one lost datagram, two late answers."""
    sent_s = times(GONE_S)
    sent_s = sent_s[np.abs(sent_s - 40.0) > 1e-6]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        sequence=np.rint(sent_s * 1000).astype(np.uint64),
        sent_s=sent_s,
        received_s=sent_s + 1e-3,
        good=np.abs(sent_s - 38.0005) > 1e-3,
        heartbeat_s=times((34.61, 36.5)),
        **more,
    )
    return path


def raw_of(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "sha256": digest, "state": "as recorded"}


def upgrade(**changes: Any) -> dict[str, Any]:
    outage = {"traffic": {"value_s": 2.0}}
    step = {"name": "up", "fault": "none", "cut": None, "events": EVENTS, "outage": outage}
    return step | {"raw": None} | changes


def test_silence_is_read_off_the_raw_times(tmp_path: Path) -> None:
    raw = raw_of(raw_file(tmp_path / "raw.npz"))

    seen = sight(tmp_path, upgrade(raw=raw))

    assert seen is not None
    assert seen.traffic == seen.beats == ((33.0, 43.0),)
    assert seen.silent == ((34.61, 36.5),)
    assert seen.lost == (GONE_S, (39.999, 40.001))
    assert seen.late == ((38.0, 38.001),)


@pytest.mark.parametrize(
    ("more", "current"),
    [
        ({}, ()),
        ({"current_s": [], "current_a": []}, ()),
        ({"current_s": [33.0, 33.1], "current_a": [0.84, 0.0]}, ((33.0, 0.84), (33.1, 0.0))),
    ],
)
def test_the_current_is_there_when_a_supply_was(
    tmp_path: Path, more: dict[str, list[float]], current: tuple[tuple[float, float], ...]
) -> None:
    seen = sight(tmp_path, upgrade(raw=raw_of(raw_file(tmp_path / "raw.npz", **more))))
    assert seen is not None
    assert seen.current == current


def test_raw_data_that_changed_or_are_not_whole_are_not_drawn(tmp_path: Path) -> None:
    raw = raw_of(raw_file(tmp_path / "raw.npz"))
    part = tmp_path / "part.npz"
    np.savez(part, sent_s=np.arange(3.0))

    assert sight(tmp_path, upgrade(raw=raw | {"state": "changed"})) is None
    assert sight(tmp_path, upgrade(raw=raw | {"state": "missing"})) is None
    assert sight(tmp_path, upgrade(raw=raw_of(part))) is None
    assert sight(tmp_path, upgrade()) is None


def test_the_longest_interruption_is_told_without_a_fault_and_with_a_cut() -> None:
    cut = {"edge": None}
    steps = [
        upgrade(name="short"),
        upgrade(name="long", outage={"traffic": {"value_s": 3.0}}),
        upgrade(name="cut", cut=cut, fault="cut@op:7/after"),
        upgrade(name="refused", fault="bundle:empty", outage={"traffic": {"value_s": 9.0}}),
        upgrade(name="reset", events=[], outage={"traffic": {"value_s": 9.0}}),
        upgrade(name="bench", outage={"traffic": None}),
    ]

    assert [step["name"] for step in chosen(steps)] == ["long", "cut"]
    assert chosen(steps[4:]) == []


def test_an_upgrade_is_drawn_with_all_that_saw_it() -> None:
    seen = Sight(
        traffic=((98.0, 143.0),),
        lost=((134.6, 136.6), (140.0, 140.002)),
        late=((138.0, 138.001),),
        beats=((98.0, 143.0),),
        silent=((134.61, 136.5),),
        current=((98.0, 0.84), (134.6, 0.11), (135.0, 0.84), (143.0, 0.84)),
    )

    svg = drawing(upgrade(), seen)

    names = ("phases", "console", "current", "heartbeat", "traffic", "T1", "run reboot", "boot up")
    for text in (*names, "at most 0.84 A"):
        assert f">{text}<" in svg
    assert "no heartbeat for 1.890 s" in svg
    assert "no answer for 2.000 s" in svg
    assert ">power<" not in svg, "nothing was recorded of it"
    assert svg == drawing(upgrade(), seen), "the same records make the same bytes"


@pytest.mark.parametrize(
    ("edge", "said"), [({"delay_s": 0.5}, "the rail fell"), (None, "cut, after the last line")]
)
def test_a_cut_has_a_row_for_its_power(edge: dict[str, float] | None, said: str) -> None:
    svg = drawing(upgrade(cut={"edge": edge}), None)

    assert ">power<" in svg
    assert said in svg
    assert ">traffic<" not in svg, "there are no raw data"


def limit(view: str, max_s: float) -> dict[str, Any]:
    return {"figure": f"outage.{view}", "max_s": max_s, "trials": [{"name": "up 1"}]}


def test_each_view_s_distribution_has_its_limit() -> None:
    samples = {"traffic": [1.0, 1.2, 1.4], "counter": [1.01, 1.21, 1.41]}
    limits = [limit("traffic", 1.6), limit("counter", 30.0), limit("counter", 0.2)]

    svg = distribution(samples, limits)

    assert "traffic, 3 trials" in svg
    assert "counter, 3 trials" in svg
    assert ">limit 1.6 s<" in svg
    assert ">limit 30 s →<" in svg, "it would make the axis useless"
    assert ">limit 0.2 s ←<" in svg
    assert "95% band" in svg
    assert svg == distribution(samples, limits), "the same records make the same bytes"


def test_a_run_without_a_counter_has_one_panel() -> None:
    svg = distribution({"traffic": [1.0, 1.0], "counter": []}, [])

    assert "traffic, 2 trials" in svg
    assert "counter" not in svg


def group(*values: float) -> dict[str, Any]:
    trials = [
        {
            "name": f"up {number}",
            "tpl_time": {
                "timestamp, traffic": {"value_s": value},
                "timestamp, counter": None,
            },
        }
        for number, value in enumerate(values, start=1)
    ]
    return {"trials": trials}


def test_one_trial_is_no_distribution_and_a_limit_is_its_own_direction_s() -> None:
    other = limit("traffic", 1.3) | {"trials": [{"name": "down 1"}]}
    report = {
        "directions": [group(1.0, 1.2), group(1.0)],
        "limits": [limit("traffic", 1.25), other],
    }

    drawn, none = distributions(report)

    assert "limit 1.25 s" in drawn
    assert "limit 1.3 s" not in drawn
    assert none == ""


def test_the_page_tells_the_upgrade_by_its_raw_data(tmp_path: Path) -> None:
    raw = raw_file(tmp_path / "raw" / "outage-1.npz")
    results = Results.create(tmp_path / "results.sqlite", place="virtual", command="rig cycle")
    results.add_step(recorded.step(raw=raw))
    summary = json.loads(json.dumps(summarise(results)))
    results.close()

    write_page(tmp_path / "index.html", summary, allure=False)

    page = (tmp_path / "index.html").read_text()
    assert "<h2>upgrade, second by second" in page
    assert "no answer for 2.000 s" in page
