# SPDX-License-Identifier: MIT
"""Records for other programs: Parquet, CSV, OpenMetrics; raw data with their hashes checked."""

import csv
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from rig.errors import BenchError, UsageError
from rig.nights.history import newest, sources
from rig.nights.night import Night
from rig.records import Database, schema
from rig.records.rows import sha256
from rig.records.run import open_records

TABLES = (schema.place, schema.run, *schema.OF_RUN)
OPENMETRICS, OPENMETRICS_FILE = "openmetrics", "walnut-rig.prom"
FOR_ALL = 0o644  # a node exporter is another user, and nothing in its file is secret
Write = Callable[[list[dict[str, Any]]], object]  # adds rows to a file
# What becomes of each type in Parquet; all else is text.
ARROW = {float: "float64", int: "int64"}


def export(where: str, kind: str, folder: Path) -> list[Path]:
    """Write records to `folder`; return the files that were made.

    `where` is a file, a folder of runs or a server.  Parquet and CSV have each table in a file and
    the raw data beside them; OpenMetrics has the newest run of each place.

    Raises:
        UsageError: `kind` is none of WRITERS and OpenMetrics, or nothing is at `where`.
        BenchError: raw data are missing or not what was recorded; all else has been written.
    """
    if kind != OPENMETRICS and kind not in WRITERS:
        raise UsageError(f"--format is one of {', '.join((*WRITERS, OPENMETRICS))}, not {kind!r}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if kind == OPENMETRICS:
            return [_openmetrics(where, folder)]
        return _tables(where, kind, folder)
    except OSError as error:
        raise BenchError(f"{folder} cannot be written: {error}; free space on that disk") from error


def _tables(where: str, kind: str, folder: Path) -> list[Path]:
    made = {table: folder / f"{table.name}.{kind}" for table in TABLES}
    known: set[str] = set()  # places and runs that an earlier source had: a copy is the same
    bad = []
    with ExitStack() as stack:
        write = {t: stack.enter_context(WRITERS[kind](t, path)) for t, path in made.items()}
        for source in sources([where]):
            database = open_records(source)
            try:
                fresh = {table: _rows(database, table, known) for table in TABLES}
                for table, rows in fresh.items():
                    write[table](rows)
                bad += _attachments(database, fresh, folder / "attachments")
            finally:
                database.close()
            known |= {row["name"] for row in fresh[schema.place]}
            known |= {row["id"] for row in fresh[schema.run]}
    if bad:
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise BenchError(f"raw data: {'; '.join(bad[:5])}{more}; take their copy")
    return list(made.values())


def _rows(database: Database, table: sa.Table, known: set[str]) -> list[dict[str, Any]]:
    """Return a table's rows but those of the `known` places and runs."""
    owner, *_ = table.primary_key.columns  # a place's name, a run's id
    found = database.rows(sa.select(table).order_by(*table.primary_key.columns))
    return [row for row in found if row[owner.name] not in known]


@contextmanager
def _parquet(table: sa.Table, path: Path) -> Iterator[Write]:
    import pyarrow as pa  # noqa: PLC0415 # slow
    from pyarrow import parquet  # noqa: PLC0415

    kinds = pa.schema(
        (column.name, pa.type_for_alias(ARROW.get(column.type.python_type, "string")))
        for column in table.columns
    )
    with parquet.ParquetWriter(path, kinds, compression="zstd") as writer:
        yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema=kinds))


@contextmanager
def _csv(table: sa.Table, path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [column.name for column in table.columns])
        writer.writeheader()
        yield writer.writerows


WRITERS: dict[str, Callable[[sa.Table, Path], AbstractContextManager[Write]]] = {
    "parquet": _parquet,
    "csv": _csv,
}


def _attachments(
    database: Database, fresh: dict[sa.Table, list[dict[str, Any]]], folder: Path
) -> list[str]:
    """Copy every raw file whose SHA-256 is the recorded one; name those missing or changed."""
    recorded_in = {row["id"]: Path(row["folder"]) for row in fresh[schema.run]}
    bad = []
    for row in fresh[schema.attachment]:
        base = database.path.parent if database.path else recorded_in[row["run"]]
        source = base / row["path"]
        if not source.is_file():
            bad.append(f"{source} is missing")
            continue
        target = folder / row["run"] / f"{row['number']:05d}-{source.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        if sha256(target) != row["sha256"]:
            target.unlink()
            bad.append(f"{source} is not what was recorded: its SHA-256 differs")
    return bad


def _openmetrics(where: str, folder: Path) -> Path:
    registry = CollectorRegistry()
    registry.register(_Newest(*newest([where])))
    made = folder / OPENMETRICS_FILE
    fresh = made.with_suffix(f".{os.getpid()}")  # a node exporter may read at any moment: *.prom
    fresh.write_bytes(generate_latest(registry))  # type: ignore[no-untyped-call]
    fresh.chmod(FOR_ALL)
    return fresh.replace(made)


class _Newest(Collector):
    """The newest run of each place as gauges: a scrape has no room for every trial.

    Gauges alone: then the text is OpenMetrics, and Prometheus' older format, too, which is what a
    node exporter reads; it drops a whole file for a type such as `info`.
    """

    def __init__(self, nights: Sequence[Night], undated: Sequence[Night]) -> None:
        self._nights = nights
        self._undated = len(undated)

    def collect(self) -> Iterator[Metric]:
        labels = ["place", "step", "metric"]
        figures = {
            "median": "Median of the trials",
            "worst": "Longest of the trials",
            "uncertainty": "Uncertainty, k = 2; 0: not stated",
        }
        for figure, text in figures.items():
            name = f"walnut_rig_{figure}_seconds"
            family = GaugeMetricFamily(name, text, labels=labels, unit="seconds")
            for night in self._nights:
                for key, sample in sorted(night.samples.items()):
                    family.add_metric([night.place, key.step, key.metric], getattr(sample, figure))
            yield family
        trials = GaugeMetricFamily("walnut_rig_trials", "Trials that have a time", labels=labels)
        left_out = GaugeMetricFamily(
            "walnut_rig_trials_left_out", "Trials that ended badly", labels=["place"]
        )
        runs = GaugeMetricFamily(
            "walnut_rig_run_info", "The run these are of", labels=["place", "id", "started"]
        )
        for night in self._nights:
            for key, sample in sorted(night.samples.items()):
                trials.add_metric([night.place, key.step, key.metric], sample.values.size)
            left_out.add_metric([night.place], night.left_out)
            runs.add_metric([night.place, night.run, night.label], 1.0)
        text = "Runs whose date cannot be: any of them may be newer"
        undated = GaugeMetricFamily("walnut_rig_undated_runs", text, value=self._undated)
        yield from (trials, left_out, runs, undated)
