# SPDX-License-Identifier: MIT
"""Nights out of records: each run's trials by type of step, for the gate and the run chart."""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from rig.clock import wall_time_s
from rig.errors import BenchError, UsageError
from rig.faults.outcome import Outcome
from rig.nights.night import FigureKey, Night, Sample, doubt
from rig.records import Database, schema
from rig.records.run import open_records, runs

DIGITS = 6  # microseconds: figures are not told apart below
FILE = "results.sqlite"
# No figures of the board's: what the bench did to it, and a view that adds nothing to the others
OF_THE_BENCH = {"power.gone", "feed.gone", "rail.edge", "outage.traffic.frame_loss"}


def sources(words: Iterable[str]) -> list[str]:
    """Return every file and server that is meant: of a folder, the results of all runs in it.

    Raises:
        UsageError: a folder holds none.
    """
    found = []
    for word in words:
        folder = Path(word)
        if "://" in word or not folder.is_dir():
            found.append(word)
            continue
        files = {path.resolve() for path in (*folder.glob(FILE), *folder.glob(f"*/{FILE}"))}
        if not files:
            raise UsageError(f"{folder} holds no run's {FILE}")
        found += sorted(str(path) for path in files)
    return found


def nights(
    words: Iterable[str], *, place: str = "", since: str = "", without: Sequence[str] = ()
) -> tuple[list[Night], list[Night]]:
    """Return the runs of one place that tried something, the oldest first; and those without date.

    The newest stays even when it tried nothing: that is what a gate must tell.  Without `place` it
    is the newest run's.  Runs before `since` (ISO date or time, UTC) are left out: a change that
    was accepted ends a baseline.  Left out, too, is each run whose id begins with one of `without`.

    Raises:
        UsageError: no such run measured anything, `since` is no date, or a word of `without` fits
            no run, or several.
        BenchError: no run has a date that can be: it is this computer's clock that is wrong.
    """
    from_s = _moment(since) if since else 0.0
    everything = _without(_found(words), without)
    found = [night for night in everything if place in {"", night.place}]
    undated = [night for night in found if night.doubt]
    found = [night for night in found if not night.doubt and night.started_at_s >= from_s]
    if undated and not found:
        now = dt.datetime.fromtimestamp(wall_time_s(), dt.UTC)
        raise BenchError(
            f"no run has a date that can be ({undated[-1].label}: {undated[-1].doubt}): this"
            f" computer's clock says {now:%Y-%m-%d %H:%M} UTC; if that is wrong, set it"
        )
    found = [night for night in found if night.place == found[-1].place]
    if not any(night.samples for night in found):
        raise UsageError(f"no run of {place or 'any place'} there has measured anything")
    return [night for night in found if night.trials or night is found[-1]], undated


def _without(found: list[Night], words: Sequence[str]) -> list[Night]:
    for word in words:
        meant = [night for night in found if word and night.run.startswith(word)]
        if len(meant) != 1:
            raise UsageError(f"--without {word}: {len(meant)} runs have an id that begins so")
        found = [night for night in found if night is not meant[0]]
    return found


def newest(words: Iterable[str]) -> tuple[list[Night], list[Night]]:
    """Return the newest run of each place, by the place's name; and the runs without a date."""
    found = _found(words)
    last = {night.place: night for night in found if not night.doubt}
    return [last[place] for place in sorted(last)], [night for night in found if night.doubt]


def _found(words: Iterable[str]) -> list[Night]:
    """Return every run there is, the oldest first; combinations (`rig mismatch`) have no times."""
    found: dict[str, Night] = {}
    for word in sources(words):
        database = open_records(word)
        try:
            for run in runs(database):
                known = run["id"] in found  # a copy of it may be elsewhere
                if not known and not _pairs(database, run["id"]):
                    found[run["id"]] = night_of(database, run)
        finally:
            database.close()
    return sorted(found.values(), key=lambda night: night.started_at_s)


def _pairs(database: Database, run: str) -> int:
    count = sa.select(sa.func.count().label("pairs")).where(schema.pair.c.run == run)
    return int(database.rows(count)[0]["pairs"])


def _moment(text: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--since is a date like 2026-11-25, not {text!r}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def night_of(database: Database, run: dict[str, Any]) -> Night:
    """Return one run: its trials, how many have no time, and its bench."""
    trial, figure = schema.trial.c, schema.measurement.c
    together = (trial.run == figure.run) & (trial.number == figure.trial)
    columns = (trial.kind, trial.fault, trial.from_release, trial.wanted, trial.outcome)
    rows = database.rows(
        sa.select(*columns, figure.name, figure.value, figure.u, figure.calibration)
        .join_from(schema.measurement, schema.trial, together)
        .where(figure.run == run["id"], figure.unit == "s")
        .order_by(figure.number)
    )
    groups: dict[FigureKey, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if Outcome(row["outcome"]).good and row["name"] not in OF_THE_BENCH:
            groups[FigureKey(_step(row), row["name"])].append(row)
    outcomes = [
        Outcome(row["outcome"])
        for row in database.rows(sa.select(trial.outcome).where(trial.run == run["id"]))
    ]
    on_bench = outcomes.count(Outcome.bench)
    named = sa.select(schema.instrument).where(schema.instrument.c.run == run["id"])
    # Of a clock that was set while the run went on the later word counts: a time server's.
    began_s = run["started_at_s"] + _last(database, run, "clock").get("set_by_s", 0.0)
    return Night(
        label=_date(began_s),
        run=run["id"],
        place=run["place"],
        exercise=Path(run["command"].partition(" ")[0]).name,
        started_at_s=began_s,
        doubt=doubt(began_s, run["ended_at_s"], now_s=wall_time_s()),
        samples={key: _sample(group) for key, group in groups.items()},
        instruments={
            row["name"]: row["identity"]
            for row in database.rows(named.order_by(schema.instrument.c.number))
        },
        bench=_floors(_last(database, run, "floors"))
        | _biases(_last(database, run, "verification")),
        trials=len(outcomes),
        failed=sum(not outcome.good for outcome in outcomes) - on_bench,
        on_bench=on_bench,
    )


def _date(moment_s: float) -> str:
    try:
        return dt.datetime.fromtimestamp(moment_s, dt.UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):  # of a clock that was never set
        return f"{moment_s:.3g} s"


def _step(row: dict[str, Any]) -> str:
    start, end = row["from_release"] or "?", row["wanted"] or "?"
    step = f"{start} → {end}" if row["kind"] == "upgrade" else f"{row['kind']} of {start}"
    return step if row["fault"] == "none" else f"{step} under {row['fault']}"


def _sample(rows: Sequence[dict[str, Any]]) -> Sample:
    stated = [row["u"] for row in rows if row["u"] is not None]
    return Sample(
        np.round([row["value"] for row in rows], DIGITS),
        float(np.median(stated)) if stated else 0.0,
        frozenset(row["calibration"] for row in rows),
    )


def _last(database: Database, run: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what the newest event of that name says; empty when there is none."""
    event = schema.event.c
    rows = database.rows(
        sa.select(event.detail)
        .where(event.run == run["id"], event.name == name)
        .order_by(event.number)
    )
    return dict(json.loads(rows[-1]["detail"])) if rows else {}


def _biases(verification: dict[str, Any]) -> dict[str, float]:
    """Return how much too long each view was when it was last verified."""
    return {f"bias.{view}": value for view, value in verification.get("bias_s", {}).items()}


def _floors(record: dict[str, Any]) -> dict[str, float]:
    """Return the floors of a run; lost datagrams are the traffic of the bench itself."""
    names = {"traffic_s": "floor.traffic", "counter_s": "floor.counter", "lost": "floor.lost"}
    return {name: record[key] for key, name in names.items() if record.get(key) is not None}
