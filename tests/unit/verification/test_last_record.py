# SPDX-License-Identifier: MIT
"""Numbers are verified only by a passed, recent verification of the same instruments."""

import datetime as dt
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from rig import cli
from rig.cli import pytest_run
from rig.errors import BenchError
from rig.place.file import load
from rig.verification import last_record
from rig.verification.interruptions import Settings
from rig.verification.last_record import standing

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
IDENTITIES = {"traffic": "a probe, 1000/s", "counter": "a counter,1"}
PLACE = Path(__file__).resolve().parents[3] / "places" / "virtual.yaml"


def record(age_h: float = 1.0, **changes: Any) -> dict[str, Any]:
    when = (NOW - dt.timedelta(hours=age_h)).isoformat()
    good = {
        "format": 1,
        "when": when,
        "verdict": "passed",
        "settings": asdict(Settings()),
        "views": ["traffic", "counter"],
        "instruments": dict(IDENTITIES),
    }
    return good | changes


def asked_for(**changes: float) -> dict[str, Any]:
    return asdict(replace(Settings(), **changes))  # type: ignore[arg-type]


def test_a_recent_record_of_the_same_instruments_verifies() -> None:
    found = standing(record(), now_s=NOW.timestamp(), instruments=IDENTITIES)
    assert (found.verified, found.reason) == (True, "")


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (None, "never"),
        (record(age_h=25), "old"),
        (record(age_h=-1), "old"),
        (record(verdict="failed"), "failed"),
        (record(verdict="unclear"), "unclear"),
        (record(instruments=IDENTITIES | {"counter": "a counter,2"}), "counter"),
        (record(instruments=IDENTITIES | {"traffic": "a probe, 200/s"}), "traffic"),
        (record(settings=asked_for(gaps=59)), "partial: 59 interruptions of 0.002 … 20 s"),
        (record(settings=asked_for(from_s=0.5)), "partial"),
        (record(settings=asked_for(to_s=0.6)), "partial"),
    ],
)
def test_anything_else_does_not_and_says_why(known: dict[str, Any] | None, why: str) -> None:
    found = standing(known, now_s=NOW.timestamp(), instruments=IDENTITIES)
    assert not found.verified
    assert why in found.reason


def test_more_and_longer_interruptions_than_the_default_verify_too() -> None:
    known = record(settings=asked_for(gaps=300, to_s=30.0))
    assert standing(known, now_s=NOW.timestamp()).verified


def test_what_was_not_tried_is_not_verified_and_said_in_one_line() -> None:
    """A generator verifies the counter alone, though the record knows the probe's identity."""
    found = standing(record(views=["counter"]), now_s=NOW.timestamp(), instruments=IDENTITIES)
    assert (found.verified, found.views) == (True, ("counter",))
    said = found.unverified(IDENTITIES)
    assert said.startswith("numbers of traffic are not verified: ")
    assert said.endswith("was of counter alone")


def test_another_instrument_matters_only_where_the_record_speaks_for_it() -> None:
    now = IDENTITIES | {"traffic": "a probe, 200/s"}
    counter_only = record(views=["counter"])
    assert standing(counter_only, now_s=NOW.timestamp(), instruments=now).verified
    assert not standing(record(), now_s=NOW.timestamp(), instruments=now).verified


def test_a_record_from_before_there_were_views_speaks_for_both() -> None:
    known = record()
    del known["views"]
    found = standing(known, now_s=NOW.timestamp(), instruments=IDENTITIES)
    assert found.views == ("traffic", "counter")
    assert found.unverified(IDENTITIES) == ""


def test_the_bias_that_was_found_goes_with_the_standing() -> None:
    rows = [
        {"view": "traffic", "lengths": "0.002 … 0.02 s", "bias_s": 0.002},
        {"view": "traffic", "lengths": "all", "bias_s": 0.001},
        {"view": "counter", "lengths": "all", "bias_s": None},
        {"view": "traffic.frame_loss", "lengths": "all", "bias_s": 0.003},
    ]
    assert standing(record(rows=rows), now_s=NOW.timestamp()).bias_s == {"traffic": 0.001}


def test_nothing_is_verified_by_a_record_that_does_not_hold() -> None:
    found = standing(record(verdict="failed"), now_s=NOW.timestamp(), instruments=IDENTITIES)
    assert found.unverified(IDENTITIES).startswith(
        "numbers of traffic and counter are not verified: "
    )
    assert found.unverified({"traffic": "a probe, 1000/s"}).startswith("numbers of traffic are not")


def test_the_place_says_how_long_a_record_holds() -> None:
    assert standing(record(age_h=100), now_s=NOW.timestamp(), age_max_h=168).verified


def test_a_record_is_read_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert last_record.read(PLACE) is None

    path = last_record.write(PLACE, record())

    assert last_record.read(PLACE) == record()
    assert list(path.parent.iterdir()) == [path]
    path.write_text("{half")
    assert last_record.read(PLACE) is None


COMMANDS = (["demo"], ["cycle", "--from", "1.0.0", "--to", "2.0.0"], ["reset"])


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("by_place", [False, True], ids=["by call", "by place"])
def test_a_place_that_is_not_verified_is_refused_with_the_command_to_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    *,
    by_place: bool,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    place = requiring_place(tmp_path) if by_place else PLACE

    code = cli.main([*words, "--place", str(place), *([] if by_place else ["--require-verified"])])

    said = capsys.readouterr().err
    assert code == 3
    assert "the lab (the bench) must act" in said
    assert f"rig verify-measurement --place {place}" in said


def requiring_place(folder: Path) -> Path:
    """Write places/virtual.yaml with the option that asks for a verification."""
    path = folder / "requiring.yaml"
    text = PLACE.read_text().replace("../firmware", str(PLACE.parents[1] / "firmware"))
    path.write_text(text.replace("options:\n", "options:\n  require_verified: true\n"))
    assert last_record.is_required(load(path))
    return path


def no_pytest(words: list[str]) -> NoReturn:
    """Stand for the start of pytest, by which the command has let the place pass."""
    raise Started(words)


class Started(BaseException):  # no error: the command would catch that
    """pytest would run now."""


def test_a_place_that_asks_for_it_may_be_used_unverified_when_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(pytest_run, "start", no_pytest)
    call = ["demo", "--report", str(tmp_path / "report"), "--place"]

    with pytest.raises(Started) as told:
        cli.main([*call, str(requiring_place(tmp_path)), "--unverified"])
    with pytest.raises(Started) as free:
        cli.main([*call, str(PLACE)])

    for started in (told, free):
        assert "--rig-require-verified" not in started.value.args[0]


def test_a_verified_place_that_asks_for_it_is_looked_at_again_once_it_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(pytest_run, "start", no_pytest)
    place = requiring_place(tmp_path)
    now = dt.datetime.now(dt.UTC).isoformat()
    last_record.write(place, record(when=now))

    with pytest.raises(Started) as started:
        cli.main(["demo", "--report", str(tmp_path / "report"), "--place", str(place)])

    assert "--rig-require-verified" in started.value.args[0]


def test_a_real_place_asks_for_it_and_the_virtual_one_does_not() -> None:
    assert last_record.is_required(load(PLACE.parent / "walnut-1.yaml"))
    assert not last_record.is_required(load(PLACE))


def test_require_lets_a_verified_place_pass() -> None:
    last_record.require(PLACE, standing(record(), now_s=NOW.timestamp()))
    with pytest.raises(BenchError, match="never verified"):
        last_record.require(PLACE, standing(None, now_s=NOW.timestamp()))
