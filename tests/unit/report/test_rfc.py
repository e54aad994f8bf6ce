# SPDX-License-Identifier: MIT
"""The RFC 7654 and RFC 6201 reports say what was measured, and what is no trial of the claim."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rig.campaign.reset import power_gone, steady
from rig.place.topology import PLACE_FILE
from rig.report import rfc
from rig.report.rfc import rfc6201, rfc7654, write
from tests.unit.helpers.dialogue import StillClock

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"
PLACE = {
    "board": "a <board>",
    "parts": [{"name": "PDU", "model": "apc", "address": "192.0.2.20", "joins": "outlet 3"}],
    "load": {
        "protocol": "UDP",
        "rate_hz": 1000.0,
        "request_octets": 78,
        "answer_octets": 142,
        "bps": 624000.0,
    },
}

NO_PHASES = dict.fromkeys(("T1_s", "T2_s", "T3_s", "T4_s"))


def measured(value_s: float, uncertainty_s: float = 0.003) -> dict[str, Any]:
    return {
        "value_s": value_s,
        "uncertainty_s": uncertainty_s,
        "instrument": "a counter",
        "method": "G - P",
        "verified": True,
        "budget": [],
    }


def step(name: str, outage_s: float, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "from": "1.0.0",
        "to": "2.0.0",
        "wanted": "2.0.0",
        "fault": "none",
        "outcome": "new",
        "ended_on": "done",
        "outage": {
            "traffic": measured(outage_s),
            "counter": None,
            "frame_loss": measured(outage_s),
            "agreement": "traffic only",
            "quoted": {"view": "traffic", "why": "nothing else watched"},
            "lost": round(outage_s * 1000),
        },
        "settle": {
            "traffic": measured(outage_s + 1.0) | {"silences": 1, "silences_s": 0.5},
            "counter": None,
            "settled": True,
        },
        "impaired": {"duplicates": 0, "reordered": 0, "late": 0},
        "raw": {"file": "raw/x.npz", "sha256": "ab" * 32, "state": "as recorded"},
        "reset": None,
        "power_gone": None,
        "steady_s": None,
        "phases": {"T1_s": 5.0, "T2_s": 2.0, "T3_s": 0.5, "T4_s": 7.5},
        "boots": 1,
        "error": None,
        "notes": [],
    }
    return found | changes


def reset(name: str, what: str, outage_s: float, **changes: Any) -> dict[str, Any]:
    facts = {
        "reset": what,
        "to": "1.0.0",
        "wanted": "1.0.0",
        "outcome": "old",
        "phases": NO_PHASES,
        "steady_s": 15.1,
    }
    return step(name, outage_s, **(facts | changes))


def failed(name: str, outcome: str, **changes: Any) -> dict[str, Any]:
    """Return an upgrade that did not get as far as T4, as the campaign records it."""
    return step(name, 60.0, outcome=outcome, phases=NO_PHASES, **changes)


def summary(*steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "place": "walnut-1",
        "command": "rig cycle",
        "started": "2026-01-01T00:00:00+00:00",
        "ended": None,
        "instruments": {"counter": "a counter"},
        "floors": None,
        "verification": {"verified": True, "reason": "", "when": "2026-01-01T00:00:00+00:00"},
        "limits": [],
        "steps": list(steps),
    }


def fits(name: str, report: dict[str, Any]) -> dict[str, Any]:
    schema = json.loads((REFERENCE / f"{name}.schema.json").read_text())
    jsonschema.validate(json.loads(json.dumps(report)), schema)
    return report


def test_an_upgrade_is_reported_by_direction_with_both_methods() -> None:
    down = step("down", 0.5, **{"from": "2.0.0", "to": "1.0.0", "wanted": "1.0.0"})
    report = rfc7654(summary(step("up 1", 1.0), step("up 2", 1.4), down), PLACE)

    assert report is not None
    up, back = fits("rfc7654", report)["directions"]
    assert (up["from"], up["to"], len(up["trials"])) == ("1.0.0", "2.0.0", 2)
    assert up["tpl_frames"]["median"] == 1200
    assert up["tpl_time"]["timestamp, traffic"]["worst"] == 1.4
    assert up["tpl_time"]["timestamp, counter"] is None
    assert up["phases"]["T4_s"]["median"] == 7.5
    assert not up["enough"]
    assert back["tpl_frames"]["worst"] == 500


def test_what_is_no_trial_is_named_and_counted_as_a_failure() -> None:
    """A failed upgrade has no T4; the bound is Clopper and Pearson's of 3 failures in 5."""
    error = "the board must be looked at"
    dead = failed("up 2", "bricked", error=error)
    bench = failed("up 3", "bench", error="the bench must be mended", to=None)
    bench["outage"] = dict.fromkeys(bench["outage"])
    fell = failed("up 4", "old", to="1.0.0", ended_on="fallback")
    faulted = step("up 5", 3.0, fault="cut@op:7/after")
    good = [step("up 1", 1.0), step("up 6", 1.0)]
    report = rfc7654(summary(*good, dead, bench, fell, faulted), PLACE)

    assert report is not None
    fits("rfc7654", report)
    assert [trial["name"] for trial in report["directions"][0]["trials"]] == ["up 1", "up 6"]
    assert [(item["name"], item["why"]) for item in report["excluded"]] == [
        ("up 2", error),
        ("up 3", "the bench must be mended"),
        ("up 4", "fallback; runs 1.0.0 in place of 2.0.0"),
    ]
    assert report["reliability"] == {
        "trials": 5,
        "failures": 3,
        "at_most": pytest.approx(0.924, abs=1e-3),
        "confidence": 0.95,
    }


def test_a_run_whose_upgrades_all_failed_has_a_report_and_no_claim(tmp_path: Path) -> None:
    (tmp_path / PLACE_FILE).write_text(json.dumps(PLACE))
    run = summary(failed("up 1", "bricked", error="dead"))
    report = rfc7654(run, PLACE)
    made = write(tmp_path, run)

    assert report is not None
    assert fits("rfc7654", report)["directions"] == []
    assert made == ["rfc7654"]
    assert "No upgrade arrived and was measured" in (tmp_path / "rfc7654.html").read_text()


def test_what_was_odd_is_an_anomaly() -> None:
    unclear = step("up 1", 1.0, notes=["the probe stalled"])
    unclear["outage"]["agreement"] = "unclear"
    unclear["impaired"]["late"] = 3
    report = rfc7654(summary(unclear, step("up 2", 1.0)), PLACE)

    assert report is not None
    (odd,) = report["anomalies"]
    assert odd["name"] == "up 1"
    assert odd["what"][0] == "the probe stalled"
    assert "unclear" in odd["what"][1]
    assert odd["what"][2] == "3 answers late"
    assert report["directions"][0]["unclear"] == 1


def test_from_a_power_reset_exactly_the_time_without_power_is_taken_off() -> None:
    power = reset("power 1", "power", 16.2, power_gone=measured(15.0, 0.004))
    process = reset("process 1", "process", 0.05)
    report = rfc6201(summary(power, process, step("up", 1.0)), PLACE)

    assert report is not None
    fits("rfc6201", report)
    first, second = report["resets"]
    assert (first["what"], second["what"]) == ("power", "process")
    time = first["trials"][0]["reset_time"]["timestamp, traffic"]
    assert time["value_s"] == pytest.approx(1.2)
    assert time["uncertainty_s"] == pytest.approx(0.005)
    assert second["reset_time"]["frame loss"]["median"] == 0.05
    assert report["missing"] == ["Operating system reset (section 4.2.1)"]


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        ({"power_gone": measured(15.2)}, []),
        ({"power_gone": measured(2.0)}, ["had less than 15 s without power (least: 2.0 s)"]),
        ({"power_gone": None}, ["without power (least: not recorded)"]),
        (
            {"power_gone": measured(15.2), "steady_s": 0.0},
            ["less than 15 s of good service before (least: 0.0 s)"],
        ),
        (
            {"power_gone": measured(15.2), "steady_s": None},
            ["of good service before (least: not recorded)"],
        ),
    ],
)
def test_without_the_15_s_of_rfc_6201_there_is_no_claim(
    tmp_path: Path, trial: dict[str, Any], said: list[str]
) -> None:
    (tmp_path / PLACE_FILE).write_text(json.dumps(PLACE))
    good = [reset(f"p {n}", "power", 16.2, power_gone=measured(15.2)) for n in range(20)]
    run = summary(*good, reset("p 20", "power", 16.2) | trial)
    report = rfc6201(run, PLACE)
    write(tmp_path, run)
    page = (tmp_path / "rfc6201.html").read_text()

    assert report is not None
    (power,) = fits("rfc6201", report)["resets"]
    assert power["enough"] == (not said)
    assert len(power["deviations"]) == len(said)
    for text, wanted in zip(power["deviations"], said, strict=True):
        assert text.startswith("1 of 21 trials")
        assert wanted in text
        assert text.endswith("no claim under RFC 6201 section 4.3.1")
        assert text in page


class Service:
    """A service that loses so many datagrams while it is watched."""

    def __init__(self, clock: StillClock, lost: int) -> None:
        self._clock = clock
        self._lost = lost

    def wait(self, duration_s: float) -> None:
        self._clock.sleep(duration_s)

    def lost(self, from_s: float, until_s: float) -> int:
        return self._lost if until_s > from_s else 0


@pytest.mark.parametrize(("lost", "good_s"), [(0, 15.0), (1, 0.0)])
def test_service_before_a_reset_is_good_when_no_datagram_is_lost(lost: int, good_s: float) -> None:
    clock = StillClock()

    assert steady(Service(clock, lost), clock, 15.0) == pytest.approx(good_s)


def test_an_edge_lies_anywhere_in_its_bracket() -> None:
    gone = power_gone((10.0, 10.006), (25.0, 25.012), "a supply", 26.0)

    assert gone.value == pytest.approx(15.003)
    standard_s = (0.006**2 / 12 + 0.012**2 / 12) ** 0.5
    assert gone.uncertainty == pytest.approx(2 * standard_s)


def test_a_run_without_either_makes_no_report(tmp_path: Path) -> None:
    assert rfc7654(summary(), PLACE) is None
    assert rfc6201(summary(step("up", 1.0)), PLACE) is None
    assert write(tmp_path, summary(step("up", 1.0))) == [], "no place.json: an older run"


def unverified(value_s: float) -> dict[str, Any]:
    return measured(value_s) | {"verified": False}


def test_a_run_that_is_not_verified_says_so_on_both_pages(tmp_path: Path) -> None:
    (tmp_path / PLACE_FILE).write_text(json.dumps(PLACE))
    one = step("up 1", 1.0)
    one["outage"]["counter"] = unverified(1.0)
    run = summary(one, step("up 2", 1.0), reset("os 1", "os", 1.1))
    never = {"verified": False, "reason": "the place was never verified", "when": None}
    write(tmp_path, run)
    silent = [(tmp_path / f"{name}.html").read_text() for name in rfc.TITLES]
    write(tmp_path, run | {"verification": never})
    pages = [(tmp_path / f"{name}.html").read_text() for name in rfc.TITLES]
    report = json.loads((tmp_path / "rfc7654.json").read_text())

    assert fits("rfc7654", report)["verification"] == never
    assert all("Not verified: the place was never verified" in page for page in pages)
    assert not any("Not verified" in page for page in silent)
    times = report["directions"][0]["tpl_time"]
    assert times["timestamp, traffic"]["verified"]
    assert not times["timestamp, counter"]["verified"]
    assert "1000.0 ± 3.0 †" in pages[0]


def test_the_first_lines_say_which_view_they_quote_and_why(tmp_path: Path) -> None:
    (tmp_path / PLACE_FILE).write_text(json.dumps(PLACE))
    write(tmp_path, summary(step("up 1", 1.0), reset("os 1", "os", 1.1)))

    for name, why in rfc.LEADS.items():
        report = fits(name, json.loads((tmp_path / f"{name}.json").read_text()))
        assert report["lead"] == {"view": "frame loss", "why": why}
        assert f"Quoted above is frame loss: {why}" in (tmp_path / f"{name}.html").read_text()


def test_raw_data_that_changed_are_marked(tmp_path: Path) -> None:
    (tmp_path / PLACE_FILE).write_text(json.dumps(PLACE))
    changed = step("up 1", 1.0)
    changed["raw"]["state"] = "changed"
    write(tmp_path, summary(changed))
    report = fits("rfc7654", json.loads((tmp_path / "rfc7654.json").read_text()))

    assert report["directions"][0]["trials"][0]["raw"]["state"] == "changed"
    assert report["anomalies"][0]["what"] == ["its raw data changed since they were recorded"]
    assert "changed since it was recorded" in (tmp_path / "rfc7654.html").read_text()


def test_the_pages_link_the_raw_data_and_need_no_network(tmp_path: Path) -> None:
    (tmp_path / PLACE_FILE).write_text(json.dumps(PLACE))
    trials = [step(f"up {number}", 1.0 + number / 100) for number in range(20)]
    made = write(tmp_path, summary(*trials, reset("os 1", "os", 1.1)))

    assert made == list(rfc.TITLES)
    upgrade, resets = ((tmp_path / f"{name}.html").read_text() for name in made)
    assert 'href="raw/x.npz"' in upgrade
    assert "a &lt;board&gt;" in upgrade
    assert "too few trials" not in upgrade.split("Every trial")[0]
    assert "Fewer than 20 trials" in resets
    assert 'src="http' not in upgrade + resets
