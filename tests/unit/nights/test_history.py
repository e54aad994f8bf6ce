# SPDX-License-Identifier: MIT
"""From records of ten nights to the gate's word: commands, exit codes, run chart, whose it is."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rig.campaign.reset import Reset, power_gone
from rig.campaign.step import StepResult
from rig.cli import main
from rig.errors import UsageError
from rig.faults.expectations import Pair
from rig.faults.outcome import Outcome
from rig.nights.history import nights, sources
from rig.nights.night import FigureKey, Night, Sample
from rig.nights.regression import Judgement, judge_nights, suspicions
from rig.nights.significance import change, holm, median_p, split_p, worst_p
from rig.records import schema
from rig.records.run import Results, open_records, runs
from rig.report.history import chart
from rig.verification.last_record import Standing
from tests.unit.helpers.recorded import recorded_night, step

DAY_S = 86_400.0
STARTED_S = 1_795_500_000.0 - 31 * DAY_S  # 2026-10-24, the first night
KEY = FigureKey("1.0.0 → 2.0.0", "boot")


def ten_nights(folder: Path, *, slower: float) -> Path:
    """Record ten nights of ten trials, slower from night 7 on; one file a run, as a lab has."""
    for number in range(1, 11):
        path = folder / f"night-{number:02d}" / "results.sqlite"
        worse = slower if number >= 7 else 0.0
        recorded_night(path, 10, seed=number, slower=worse).close()
        _in_night(path, number)
    return folder


def _in_night(path: Path, number: int) -> None:
    """Have the runs of a file begin in that night."""
    database = open_records(path)
    with database.transaction() as connection:
        moment = STARTED_S + (number - 1) * DAY_S
        connection.execute(schema.run.update().values(started_at_s=moment))
    database.close()


@pytest.fixture(scope="module")
def slower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ten_nights(tmp_path_factory.mktemp("slower"), slower=0.1)


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ten_nights(tmp_path_factory.mktemp("same"), slower=0.0)


def test_the_gate_names_metric_and_night_and_says_product(
    slower: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "--results", str(slower), "--to", str(tmp_path)]) == 1

    said = capsys.readouterr().out
    assert "boot of 1.0.0 → 2.0.0: median over nights worse since 2026-10-30" in said
    assert "product" in said
    page = (tmp_path / "history.html").read_text()
    assert '<body class="product">' in page
    assert "2026-10-30" in page
    assert 'src="http' not in page


def test_ten_nights_that_do_not_change_are_good(
    same: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "--results", str(same), "--baseline", "9"]) == 0
    assert "nothing got worse" in capsys.readouterr().out


def test_too_few_nights_are_the_callers_to_mend(
    same: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = [str(same / f"night-{number:02d}" / "results.sqlite") for number in range(1, 5)]
    assert main(["gate", "--results", *few]) == 2
    assert "at least 4 before it" in capsys.readouterr().err
    assert main(["history", "--results", *few, "--to", str(tmp_path)]) == 0
    assert "Too few runs" in (tmp_path / "history.html").read_text()
    assert main(["gate", "--results", str(same), "--baseline", "3"]) == 2
    assert main(["gate", "--results", str(tmp_path / "nothing.sqlite")]) == 2


def test_a_run_that_is_in_two_places_counts_once(same: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    shutil.copyfile(same / "night-03" / "results.sqlite", copy)
    assert len(nights([str(same), str(copy)])[0]) == len(nights([str(same)])[0]) == 10
    assert len(sources([str(same)])) == 10


def test_what_is_older_or_of_another_place_is_left_out(same: Path) -> None:
    assert len(nights([str(same)], since="2026-10-28")[0]) == 6
    with pytest.raises(UsageError, match="no run of elsewhere"):
        nights([str(same)], place="elsewhere")
    with pytest.raises(UsageError, match="--since is a date"):
        nights([str(same)], since="yesterday")


def test_a_place_is_given_by_its_file_or_by_its_name(
    same: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("virtual", "places/virtual.yaml"):
        assert main(["gate", "--results", str(same), "--place", place]) == 0
    assert main(["gate", "--results", str(same), "--place", "places/other.yaml"]) == 2
    assert "no run of other there" in capsys.readouterr().err


def test_a_night_has_its_trials_and_what_is_known_of_the_bench(same: Path) -> None:
    night = nights([str(same)])[0][0]
    assert night.samples[KEY].values.size == 10
    assert night.instruments == {"counter": "a counter", "traffic": "a probe"}
    assert night.bench == {"floor.traffic": 0.003, "floor.counter": 0.003, "floor.lost": 0}
    database = open_records(same / "night-01" / "results.sqlite")
    assert [run["id"] for run in runs(database)] == [night.run]
    database.close()


def test_the_chart_has_the_same_bytes_and_the_pages_colours(slower: Path) -> None:
    found, _ = nights([str(slower)])
    first = chart(KEY.step, found, judge_nights(found))
    assert chart(KEY.step, found, judge_nights(found)) == first
    assert "var(--ink, #1b1f24)" in first
    assert ">worse<" in first


# ---- whose it is
def judged(**changes: Any) -> Judgement:
    """Judge ten nights, twice as slow from night 7 on, with `changes` of the bench since then."""
    random = np.random.default_rng(1)
    found = []
    for number in range(1, 11):
        late = 2.0 if number >= 7 else 1.0
        sample = Sample(random.normal(5.8 * late, 0.1, 20), 0.01, frozenset({"2026-01-01"}))
        night = Night(
            label=f"night {number}",
            samples={KEY: sample},
            instruments={"counter": "53230A, A"},
            bench={
                "floor.traffic": float(random.normal(0.004, 0.0002)),
                "bias.counter": float(random.normal(0.0, 0.0005)),
            },
        )
        if number >= 7:
            changed = {**changes}
            if calibrations := changed.pop("calibrations", None):
                again = Sample(sample.values, sample.uncertainty, calibrations)
                changed["samples"] = {KEY: again}
            night = dataclasses.replace(night, **changed)
        found.append(night)
    return judge_nights(found)


def test_a_change_of_the_board_alone_is_the_products() -> None:
    judgement = judged()
    assert judgement.verdict == "product"
    assert {finding.night for finding in judgement.findings} == {"night 7"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"instruments": {"counter": "53230A, B"}}, "counter was 53230A, A, is 53230A, B"),
        ({"instruments": {}}, "counter was 53230A, A, is absent"),
        ({"calibrations": frozenset({""})}, "was verified (2026-01-01), is not verified"),
        ({"calibrations": frozenset({"", "2026-01-01"})}, "is not verified"),
        ({"bench": {"floor.traffic": 0.012}}, "the bench itself got worse (floor.traffic"),
        ({"bench": {"bias.counter": 0.9}}, "the bench itself got worse (bias.counter"),
    ],
)
def test_a_bench_that_changed_in_the_same_night_is_suspected(
    changes: dict[str, Any], reason: str
) -> None:
    judgement = judged(**changes)
    assert judgement.verdict == "bench"
    assert reason in str(judgement.findings[0])


def test_a_verification_that_was_passed_again_speaks_for_the_bench() -> None:
    """A lab verifies every night; each date is another."""
    assert judged(calibrations=frozenset({"2026-10-30"})).verdict == "product"


def test_a_run_that_is_no_longer_verified_is_told_apart_by_its_records(tmp_path: Path) -> None:
    for number, standing in enumerate(
        (
            Standing(verified=True, reason="", when="2026-11-24T01:00:00+00:00"),
            Standing(verified=False, reason="it failed", when="2026-11-25T01:00:00+00:00"),
        ),
        start=1,
    ):
        path = tmp_path / str(number) / "results.sqlite"
        results = Results.create(path, place="virtual", command="rig cycle")
        results.add_verification(standing)
        results.add_step(step())
        results.close()
        _in_night(path, number)

    found, _ = nights([str(tmp_path)])

    (reason,) = suspicions(FigureKey(KEY.step, "outage.counter"), found, 1)
    assert reason == "was verified (2026-11-24T01:00:00+00:00), is not verified"
    assert suspicions(KEY, found, 1) == (), "no verification speaks for console lines"


def test_the_bias_of_the_last_verification_is_known_of_the_bench(tmp_path: Path) -> None:
    results = Results.create(tmp_path / "results.sqlite", place="virtual", command="rig cycle")
    bias_s = {"traffic": 0.0004, "counter": -0.0003}
    results.add_verification(
        Standing(verified=True, reason="", when="2026-11-24T01:00:00+00:00", bias_s=bias_s)
    )
    results.add_step(step())
    results.close()

    (night,), _ = nights([str(tmp_path)])

    assert night.bench == {"bias.traffic": 0.0004, "bias.counter": -0.0003}


# ---- a last night with little or nothing to compare
def bricked() -> StepResult:
    trial = step()
    trial.outcome = Outcome.bricked
    trial.to_release = trial.outages = trial.upgrade = None
    return trial


def spoiled() -> StepResult:
    trial = bricked()
    trial.outcome = Outcome.bench
    return trial


def without_counter() -> StepResult:
    trial = step()
    assert trial.outages is not None
    trial.outages = dataclasses.replace(trial.outages, counter=None)
    return trial


@pytest.mark.parametrize(
    ("trials", "code", "said"),
    [
        ([step] * 10, 0, ["nothing got worse"]),
        (
            [bricked] * 10,
            1,
            ["more trials failed: 0 of 100 before, 10 of 10", "10 of 10 trials failed; product"],
        ),
        ([step] * 7 + [bricked] * 3, 1, ["more trials failed: 0 of 100 before, 3 of 10"]),
        ([spoiled] * 10, 3, ["more trials were spoiled: 0 of 100 before", "; lab suspected"]),
        ([], 3, ["nothing measured of 1.0.0 → 2.0.0 in the last run: no trial was made; lab"]),
        ([without_counter] * 10, 3, ["ended well: outage.counter of 1.0.0 → 2.0.0; lab"]),
        ([without_counter] * 5 + [bricked] * 5, 1, ["outage.counter", "more trials failed"]),
    ],
)
def test_what_a_last_night_lacks_is_told_and_whose_it_is(
    same: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    trials: list[Callable[[], StepResult]],
    code: int,
    said: list[str],
) -> None:
    path = tmp_path / "last" / "results.sqlite"
    results = Results.create(path, place="virtual", command="rig cycle")
    for make in trials:
        results.add_step(make())
    results.finish("complete")
    results.close()
    _in_night(path, 11)

    words = ["gate", "--results", str(same), str(path), "--to", str(tmp_path)]
    assert main(words) == code

    out = capsys.readouterr().out
    for text in said:
        assert text in out
    if code:
        assert "nothing got worse" not in out
        assert f'<body class="{ {1: "product", 3: "bench"}[code] }">' in (
            tmp_path / "history.html"
        ).read_text(encoding="utf-8")


def test_one_failed_trial_of_ten_is_not_yet_more_than_before(same: Path) -> None:
    """Its run says that it failed; the gate says what became more."""
    found, _ = nights([str(same)])
    found[-1] = dataclasses.replace(found[-1], failed=1)
    assert judge_nights(found).lapses == ()
    found[-1] = dataclasses.replace(found[-1], failed=4)
    assert judge_nights(found).verdict == "product"
    found[4:] = [dataclasses.replace(night, failed=4) for night in found[4:]]
    assert judge_nights(found).lapses == (), "as many failed before"


PAIR = Pair(part="kernel", subject="6.12", expected="runs 1.0.0", seen="runs 1.0.0", accepted=True)


def test_a_run_of_something_else_lacks_nothing_and_combinations_are_no_night(
    same: Path, tmp_path: Path
) -> None:
    found, _ = nights([str(same)])
    other = dataclasses.replace(found[-1], exercise="test_reset.py", samples={})
    assert judge_nights([*found[:-1], other]).lapses == ()
    rare = {**found[0].samples, FigureKey("1.0.0 → 2.0.0 under x", "boot"): found[0].samples[KEY]}
    found[0] = dataclasses.replace(found[0], samples=rare)
    assert judge_nights(found).lapses == (), "what was tried once is not missed"

    results = Results.create(tmp_path / "results.sqlite", place="virtual", command="rig mismatch")
    results.add_pair(PAIR)
    results.close()
    assert len(nights([str(same), str(tmp_path)])[0]) == 10


# ---- clocks that were wrong
def _dated(path: Path, began_s: float, ended_s: float | None = None) -> str:
    """Have the run of a file begin and end then; return its id."""
    database = open_records(path)
    with database.transaction() as connection:
        row = schema.run.update().values(started_at_s=began_s, ended_at_s=ended_s)
        connection.execute(row)
    (run,) = runs(database)
    database.close()
    return str(run["id"])


@pytest.fixture
def with_tonight(same: Path, tmp_path: Path) -> Path:
    """Return ten nights that do not change, and one more that is half as slow again."""
    folder = tmp_path / "reports"
    shutil.copytree(same, folder)
    recorded_night(folder / "tonight" / "results.sqlite", 10, seed=20, slower=0.5).close()
    _in_night(folder / "tonight" / "results.sqlite", 11)
    return folder


@pytest.mark.parametrize("since", [[], ["--since", "2026-10-01"]])
@pytest.mark.parametrize(
    ("began_s", "why"),
    [
        (900.0, "dated 1970-01-01 00:15 UTC: there was no rig yet"),
        (2_145_916_800.0, "dated 2038-01-01 00:00 UTC: it began in the future"),
        (1e18, "1e+18 s UTC: it began in the future"),
    ],
)
def test_tonight_with_a_date_that_cannot_be_is_never_called_good(
    with_tonight: Path,
    capsys: pytest.CaptureFixture[str],
    began_s: float,
    why: str,
    since: list[str],
) -> None:
    """A lab's computer starts in 1970 and measures before a time server has answered."""
    words = ["gate", "--results", str(with_tonight), *since]
    assert main(words) == 1, "judged when it is dated right"
    run = _dated(with_tonight / "tonight" / "results.sqlite", began_s)
    capsys.readouterr()

    assert main(words) == 3

    said = capsys.readouterr().out
    assert f"not judged: run {run[:12]} of virtual" in said
    assert why in said
    assert "nothing got worse" not in said
    assert main([*words, "--without", run[:12]]) == 0, "somebody has looked, and it is an old one"


def test_an_old_run_of_the_future_does_not_hide_tonight(
    with_tonight: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _dated(with_tonight / "night-05" / "results.sqlite", 2_145_916_800.0)

    assert main(["gate", "--results", str(with_tonight), "--to", str(tmp_path)]) == 1

    said = capsys.readouterr().out
    assert f"not judged: run {run[:12]} of virtual, dated 2038-01-01" in said
    assert "median worse since 2026-11-03" in said
    assert "it began in the future" in (tmp_path / "history.html").read_text(encoding="utf-8")
    made = with_tonight / "walnut-rig.prom"
    assert (
        main(
            [
                "export",
                "--results",
                str(with_tonight),
                "--format",
                "openmetrics",
                "--to",
                str(made.parent),
            ]
        )
        == 0
    )
    assert "walnut_rig_undated_runs 1.0" in made.read_text()
    assert 'started="2026-11-03' in made.read_text()


def test_a_clock_that_is_wrong_now_judges_nothing(
    same: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rig.nights.history.wall_time_s", lambda: 900.0)

    assert main(["gate", "--results", str(same)]) == 3

    assert "this computer's clock says 1970-01-01 00:15" in capsys.readouterr().err


def test_a_clock_that_was_set_in_mid_run_dates_it_by_its_end(
    same: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run began in 1970, the time server answered, and that is when it was."""
    began_s, length_s = STARTED_S + 10 * DAY_S, 600.0
    path = tmp_path / "results.sqlite"
    monkeypatch.setattr("rig.records.run.wall_time_s", lambda: 900.0)
    monkeypatch.setattr("rig.records.run.uptime_s", lambda: 50.0)
    results = Results.create(path, place="virtual", command="rig cycle")
    results.add_step(step())
    monkeypatch.setattr("rig.records.run.wall_time_s", lambda: began_s + length_s)
    monkeypatch.setattr("rig.records.run.uptime_s", lambda: 50.0 + length_s)
    results.finish("complete")
    results.close()

    found, undated = nights([str(same), str(path)])

    assert undated == []
    assert (len(found), found[-1].started_at_s) == (11, began_s)


def test_a_clock_that_is_slewed_leaves_no_mark(tmp_path: Path) -> None:
    results = Results.create(tmp_path / "results.sqlite", place="virtual", command="rig cycle")
    results.add_step(step())
    results.finish("complete")
    event = schema.event
    assert not results.database.rows(event.select().where(event.c.name == "clock"))
    results.close()


def test_a_run_that_ended_before_it_began_has_no_date(same: Path, tmp_path: Path) -> None:
    shutil.copytree(same, tmp_path / "reports")
    began_s = STARTED_S + 9 * DAY_S
    run = _dated(tmp_path / "reports" / "night-10" / "results.sqlite", began_s, began_s - DAY_S)

    found, (undated,) = nights([str(tmp_path / "reports")])

    assert (len(found), undated.run, undated.doubt) == (9, run, "it ended before it began")


@pytest.mark.parametrize("word", ["", "nobody"])
def test_a_run_to_leave_out_must_be_one(
    same: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    assert main(["gate", "--results", str(same), "--without", word]) == 2
    assert "0 runs have an id that begins so" in capsys.readouterr().err


def test_dates_that_cannot_be_are_told_when_there_are_too_few_others(
    same: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, 6):
        name = f"night-{number:02d}"
        shutil.copytree(same / name, tmp_path / name)
    _dated(tmp_path / "night-05" / "results.sqlite", 0.0)

    assert main(["gate", "--results", str(tmp_path)]) == 2

    assert "1 more bear a date that cannot be" in capsys.readouterr().err


# ---- the tests themselves
def test_holm_is_the_literatures() -> None:
    """Holm 1979's example: 0.01, 0.04, 0.03 become 0.03, 0.06, 0.06."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_one_new_night_is_held_against_the_prediction_interval() -> None:
    """Mean 10, s = 1 of five, one new: t = 3 / √1.2 = 2.739 on 4 degrees, p = 0.0260."""
    five = [9.0, 9.5, 10.0, 10.5, 11.0]
    spread = float(np.std(five, ddof=1))
    p = split_p([*five, float(np.mean(five)) + 3 * spread], 5)
    assert p == pytest.approx(0.0260, abs=2e-4)


def test_a_change_is_put_where_it_is_and_figures_that_never_vary_are_no_error() -> None:
    found = change([1.0, 1.1, 0.9, 1.0, 2.0, 2.1, 1.9])
    assert found.at == 4
    assert found.shift == pytest.approx(1.0)
    assert change([0.1 + 0.2] * 6).p == 1.0
    assert change([1.0, 1.0, 1.0, 2.0, 2.0]).p == 0.0
    assert change([2.0, 2.1, 1.9, 1.0, 1.1, 0.9]).p > 0.2, "better is not worse"


def test_more_of_the_worst_trials_in_one_night_are_seen_where_the_median_is_not() -> None:
    random = np.random.default_rng(3)
    before = [random.normal(1.0, 0.05, 20) for _ in range(9)]
    tonight = random.normal(1.0, 0.05, 20)
    tonight[:4] += 1.0
    assert worst_p(before, tonight) < 0.001
    assert median_p(before, tonight) > 0.01
    equal = [np.ones(20) for _ in range(9)]
    assert worst_p(equal, np.ones(20)) == 1.0


def test_what_the_instrument_cannot_tell_is_no_finding() -> None:
    found = [
        Night(label=str(n), samples={KEY: Sample(np.array([value] * 9), uncertainty=0.01)})
        for n, value in enumerate([1.0, 1.0, 1.0, 1.0, 1.0, 1.005])
    ]
    assert judge_nights(found).findings == ()
    with pytest.raises(UsageError, match="alpha"):
        judge_nights(found, 1.5)


def test_resets_are_types_of_step_of_their_own_and_the_benchs_times_are_no_figures(
    tmp_path: Path,
) -> None:
    results = Results.create(tmp_path / "results.sqlite", place="virtual", command="rig reset")
    for what in Reset:
        trial = dataclasses.replace(step(), reset=what, upgrade=None, to_release="1.0.0")
        trial.power_gone = power_gone((1.0, 1.1), (16.0, 16.1), "a supply", 17.0)
        results.add_step(trial)
    results.close()

    (night,), _ = nights([str(tmp_path)])

    assert {key.step for key in night.samples} == {f"{what.value} reset of 1.0.0" for what in Reset}
    assert {key.metric for key in night.samples} == {
        f"{figure}.{view}" for figure in ("outage", "settle") for view in ("traffic", "counter")
    }
