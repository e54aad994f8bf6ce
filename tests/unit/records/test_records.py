# SPDX-License-Identifier: MIT
"""Records: every row in its table, old files migrated, bad ones refused, exports that are read."""

import csv
import hashlib
import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as classic_families
from pyarrow import parquet

from rig.cli import main
from rig.errors import BenchError, UsageError
from rig.records import Database, database, schema
from rig.records.copies import copy_run
from rig.records.rows import clean
from rig.records.run import Results, open_records
from rig.report.build import build
from rig.report.export import export
from tests.unit.helpers.recorded import recorded_night, step

SCHEMA_2 = "f1435c01c299c8c3"  # of the tables that files of schema 0002 have
FORMAT_1 = """
CREATE TABLE run (format INTEGER NOT NULL, place TEXT NOT NULL, command TEXT NOT NULL,
    started_at_s REAL NOT NULL, ended_at_s REAL, status TEXT NOT NULL) STRICT;
CREATE TABLE instrument (name TEXT PRIMARY KEY, identity TEXT NOT NULL) STRICT;
CREATE TABLE step (number INTEGER PRIMARY KEY, name TEXT NOT NULL, outcome TEXT NOT NULL,
    fault TEXT NOT NULL, traffic_s REAL, counter_s REAL, record TEXT NOT NULL) STRICT;
CREATE TABLE floor (record TEXT NOT NULL) STRICT;
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    recorded_night(tmp_path / "results.sqlite", trials=3).close()
    return tmp_path / "results.sqlite"


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_steps_figures_phases_and_raw_data_are_rows(file: Path) -> None:
    figures = rows(file, "SELECT name, u, k FROM measurement WHERE trial = 1 ORDER BY number")
    assert [name for name, _, _ in figures] == [
        "outage.traffic",
        "outage.counter",
        "outage.traffic.frame_loss",
        "settle.traffic",
        "settle.counter",
        "phase.T1",
        "phase.T2",
        "phase.T3",
        "boot",
    ]
    assert figures[0][1:] == (0.002, 2.0)
    assert figures[-1][1:] == (None, None), "nobody stated the uncertainty of a console line"
    assert rows(file, "SELECT DISTINCT cycle FROM trial") == [(1,)]
    assert rows(file, "SELECT source, name FROM event WHERE trial = 1")[0] == (
        "board",
        "staging start",
    )
    assert rows(file, "SELECT count(DISTINCT sha256), min(path) FROM attachment")[0] == (
        3,
        "raw/outage-1.npz",
    )


def test_an_outage_has_the_date_of_the_verification_that_it_stands_on(tmp_path: Path) -> None:
    results = Results.create(tmp_path / "results.sqlite", place="p", command="c")
    results.add_step(step())
    for views in (("traffic", "counter"), ("traffic",)):
        record = {"verified": True, "reason": "", "when": "2026-11-24T01:00:00+00:00"}
        results.add_verification({**record, "views": views})
        results.add_step(step())
    results.close()

    query = "SELECT name FROM measurement WHERE trial = ? AND calibration LIKE '2026-11-24T%'"
    found = [
        {name for (name,) in rows(results.path, query.replace("?", str(trial)))}
        for trial in (1, 2, 3)
    ]

    by_traffic = {"outage.traffic", "outage.traffic.frame_loss", "settle.traffic"}
    assert found == [set(), by_traffic | {"outage.counter", "settle.counter"}, by_traffic]


def test_a_file_is_strict_keeps_its_keys_and_writes_ahead(file: Path) -> None:
    assert rows(file, "PRAGMA journal_mode") == [("wal",)]
    strict = rows(file, "SELECT name FROM pragma_table_list WHERE strict AND schema = 'main'")
    assert {name for (name,) in strict} == set(schema.metadata.tables)
    opened = open_records(file)
    with pytest.raises(BenchError, match="FOREIGN KEY"), opened.transaction() as connection:
        connection.execute(
            schema.cycle.insert().values(run="none", number=1, name="x", started_at_s=0.0)
        )
    opened.close()


def test_the_migrations_make_the_tables_that_the_rig_writes(file: Path) -> None:
    """Who changes schema.py without a migration hears of it here, and who changes an old one."""
    opened = open_records(file)
    with opened.transaction() as connection:
        found = compare_metadata(MigrationContext.configure(connection), schema.metadata)
        assert found == []
        assert MigrationContext.configure(connection).get_current_revision() == "0002"
    opened.close()
    tables = "".join(str(sa.schema.CreateTable(one)) for one in schema.metadata.sorted_tables)
    found_hash = hashlib.sha256(tables.encode()).hexdigest()[:16]
    assert found_hash == SCHEMA_2, "schema.py has changed: write versions/schema_0003.py"


def test_a_file_of_the_first_rig_is_migrated_and_reports_the_same(
    file: Path, tmp_path: Path
) -> None:
    new = Results.open(file)
    old = sqlite3.connect(tmp_path / "old.sqlite")
    old.executescript(FORMAT_1)
    run = new.run()
    values = (1, run["place"], run["command"], run["started_at_s"], run["ended_at_s"])
    old.execute("INSERT INTO run VALUES (?, ?, ?, ?, ?, 'complete')", values)
    old.executemany("INSERT INTO instrument VALUES (?, ?)", list(run["instruments"].items()))
    old.execute("INSERT INTO floor VALUES (?)", (json.dumps(run["floors"][0]),))
    for record in new.steps():
        text = json.dumps(record)
        old.execute(
            "INSERT INTO step (name, outcome, fault, record) VALUES ('x', 'new', 'none', ?)",
            (text,),
        )
    old.commit()
    old.close()

    migrated = Results.open(tmp_path / "old.sqlite")

    assert migrated.steps() == new.steps()
    found = migrated.run()
    assert {key: found[key] for key in found if key != "id"} == {
        key: run[key] for key in run if key != "id"
    }
    migrated.close()
    new.close()
    figures = "SELECT name, value, u, method FROM measurement ORDER BY number"
    assert sorted(map(str, rows(tmp_path / "old.sqlite", figures))) == sorted(
        map(str, rows(file, figures))
    )


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    old = sqlite3.connect(path)
    old.executescript(FORMAT_1)
    old.execute("INSERT INTO run VALUES (1, 'p', 'c', 0, 1, 'complete')")
    old.execute("INSERT INTO step VALUES (1, 'x', 'new', 'none', 0, 0, 'no JSON')")
    old.commit()
    old.close()

    with pytest.raises(ValueError, match="Expecting value"):
        Results.open(path)

    assert rows(path, "SELECT record FROM step") == [("no JSON",)]
    assert rows(path, "SELECT count(*) FROM sqlite_master WHERE name = 'trial'") == [(0,)]


def test_a_file_of_a_newer_rig_is_refused(file: Path) -> None:
    other = sqlite3.connect(file)
    other.execute("UPDATE alembic_version SET version_num = '0042'")
    other.commit()
    other.close()

    with pytest.raises(UsageError, match=r"schema 0042, this rig knows up to 0002.*update this"):
        Results.open(file)


def test_a_locked_file_is_the_benchs_and_loses_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    results = Results.open(file)
    other = sqlite3.connect(file)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(BenchError, match=r"locked.*another program holds it"):
        results.add_step(step())
    assert len(results.steps()) == 3, "who only reads is not held up"
    other.rollback()
    other.close()
    assert results.add_step(step()) == 4
    results.close()


def test_a_damaged_file_is_named(file: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite"
    text.write_bytes(b"no database at all " * 100)
    with pytest.raises(BenchError, match="no results file, or damaged"):
        Results.open(text)

    content = bytearray(file.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 4096] = b"\xa5" * 4096
    file.write_bytes(content)
    with pytest.raises(BenchError, match="is damaged"):
        Results.open(file).steps()


@pytest.mark.parametrize("where", ["mysql://lab/x", "http://lab", "postgresql://lab:port/x"])
def test_an_address_that_is_none_is_refused(where: str) -> None:
    with pytest.raises(UsageError, match="no address of records"):
        Results.open(where)


def test_a_server_that_is_not_there_is_the_labs() -> None:
    with pytest.raises(BenchError, match="see to the server") as caught:
        Results.open("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


def test_a_text_that_no_database_takes_is_recorded_all_the_same(file: Path) -> None:
    results = Results.open(file)
    odd = step()
    odd.ended_on = "failed \0 \ud800"
    results.add_step(odd)
    assert results.steps()[-1]["ended_on"] == odd.ended_on, "the record has it as it was"
    assert clean(odd.ended_on) == "failed \ufffd ?"
    results.close()


def test_a_copy_twice_is_one_copy(file: Path, tmp_path: Path) -> None:
    results = Results.open(file)
    source, target = open_records(file), Database.open(tmp_path / "copy.sqlite")
    assert copy_run(source, results.id, target) > 10
    assert copy_run(source, results.id, target) == 0
    results.add_step(step())
    assert copy_run(source, results.id, target) > 1
    for item in (source, target, results):
        item.close()
    query = "SELECT run, number, record FROM trial"
    assert rows(file, query) == rows(tmp_path / "copy.sqlite", query)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_an_export_holds_every_row_and_the_raw_data(file: Path, tmp_path: Path, kind: str) -> None:
    assert main(["export", "--results", str(file), "--format", kind, "--to", str(tmp_path)]) == 0

    wanted = rows(file, "SELECT name, value, u FROM measurement ORDER BY number")
    if kind == "parquet":
        table = parquet.read_table(tmp_path / "measurement.parquet").to_pylist()
        found = [(row["name"], row["value"], row["u"]) for row in table]
    else:
        with (tmp_path / "measurement.csv").open(encoding="utf-8", newline="") as stream:
            table = list(csv.DictReader(stream))
        found = [
            (row["name"], float(row["value"]), float(row["u"]) if row["u"] else None)
            for row in table
        ]
    assert found == wanted
    raw = sorted((tmp_path / "attachments").glob("*/*.npz"))
    assert len(raw) == 3
    assert np.load(raw[0])["sent_s"].size == 100


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_an_export_of_a_folder_holds_every_run_below_once(tmp_path: Path, kind: str) -> None:
    reports = tmp_path / "reports"
    for name in ("one", "two"):
        recorded_night(reports / name / "results.sqlite", trials=2).close()
    shutil.copytree(reports / "one", reports / "copy")
    recorded_night(reports / "elsewhere" / "results.sqlite", trials=2).close()
    with open_records(reports / "elsewhere" / "results.sqlite").transaction() as connection:
        connection.execute(schema.place.insert().values(name="rack"))
        connection.execute(schema.run.update().values(place="rack"))

    made = export(str(reports), kind, tmp_path / "out")

    assert {path.name for path in made} == {f"{name}.{kind}" for name in schema.metadata.tables}
    count = {path.stem: len(read(path)) for path in made}
    assert (count["place"], count["run"], count["trial"]) == (2, 3, 6)
    assert len({row["id"] for row in read(tmp_path / "out" / f"run.{kind}")}) == 3
    assert len(list((tmp_path / "out" / "attachments").glob("*/*.npz"))) == 6
    (metrics,) = export(str(reports), "openmetrics", tmp_path / "out")
    for place in ("virtual", "rack"):
        assert f'walnut_rig_trials_left_out{{place="{place}"}} 0' in metrics.read_text()


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        found: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
        return found
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_an_export_of_nothing_is_the_callers_to_mend(tmp_path: Path) -> None:
    for where in (tmp_path, tmp_path / "none.sqlite"):
        for kind in ("csv", "openmetrics"):
            with pytest.raises(UsageError, match=r"holds no run|no such run"):
                export(str(where), kind, tmp_path / "out")
    with pytest.raises(UsageError, match="parquet, csv, openmetrics, not 'xml'"):
        export(str(tmp_path), "xml", tmp_path / "out")


def test_raw_data_that_changed_are_named_and_not_exported(file: Path, tmp_path: Path) -> None:
    (file.parent / "raw" / "outage-2.npz").write_bytes(b"other")
    (file.parent / "raw" / "outage-3.npz").unlink()

    with pytest.raises(BenchError, match=r"outage-2.*SHA-256 differs.*outage-3.* missing"):
        export(str(file), "csv", tmp_path / "out")

    assert len(list((tmp_path / "out" / "attachments").glob("*/*"))) == 1
    assert (tmp_path / "out" / "attachment.csv").exists()


def test_openmetrics_are_read_by_prometheus_own_parser(file: Path, tmp_path: Path) -> None:
    (made,) = export(str(file), "openmetrics", tmp_path)

    parsed = text_string_to_metric_families(made.read_text())  # type: ignore[no-untyped-call]
    families = {one.name: one for one in parsed}
    worst = families["walnut_rig_worst_seconds"].samples
    by_metric = {sample.labels["metric"]: sample.value for sample in worst}
    query = "SELECT max(value) FROM measurement WHERE name = 'outage.traffic'"
    assert by_metric["outage.traffic"] == pytest.approx(rows(file, query)[0][0], abs=1e-6)
    assert {sample.value for sample in families["walnut_rig_trials"].samples} == {3.0}
    (run,) = families["walnut_rig_run_info"].samples
    assert (run.labels["id"], run.value) == (rows(file, "SELECT id FROM run")[0][0], 1.0)


def test_a_node_exporter_takes_the_file_too(file: Path, tmp_path: Path) -> None:
    """Its textfile collector reads *.prom of any moment, knows no type but these, as another user.

    Source: Prometheus' exposition_formats.md, "Text format details" (0.0.4); promtool and a node
    exporter of Debian 12 took this file on 2026-11-28, and refused the one with an `info`.
    """
    before = os.umask(0o077)
    try:
        (made,) = export(str(file), "openmetrics", tmp_path)
    finally:
        os.umask(before)

    text = made.read_text()
    types = [line.split() for line in text.splitlines() if line.startswith("# TYPE ")]
    assert {kind for *_, kind in types} <= {"counter", "gauge", "histogram", "summary", "untyped"}
    classic = {one.name: one for one in classic_families(text)}
    assert len(classic) == len(types) == 7
    assert all(one.samples for one in classic.values())
    assert made.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.glob("walnut-rig*")) == [made]


def test_the_page_is_the_same_for_the_same_records(file: Path) -> None:
    build(file.parent, pytest.fail, allure=False)
    first = (file.parent / "index.html").read_bytes()
    build(file.parent, pytest.fail, allure=False)
    assert (file.parent / "index.html").read_bytes() == first
    assert b"upgrade" in first
