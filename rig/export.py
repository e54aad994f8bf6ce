# SPDX-License-Identifier: MIT
"""Records for other programs: Parquet, CSV, OpenMetrics; raw data with their hashes checked."""

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from rig.errors import BenchError, UsageError
from rig.history import nights
from rig.night import Night
from rig.records import Database, schema
from rig.records.rows import sha256
from rig.results import open_records
from rig.statistics import median, worst

TABLES = (schema.place, schema.run, *schema.OF_RUN)
OPENMETRICS = "walnut-rig.prom"
# What becomes of each type in Parquet; all else is text.
ARROW = {float: "float64", int: "int64"}


def export(where: str, kind: str, folder: Path) -> list[Path]:
    """Write the records of a file or server to `folder`; return the files that were made.

    Parquet and CSV have each table in a file and the raw data beside them; OpenMetrics has the
    newest run of each place.

    Raises:
        UsageError: `kind` is none of WRITERS.
        BenchError: raw data are missing or not what was recorded; all else has been written.
    """
    if kind not in WRITERS:
        raise UsageError(f"--format is one of {', '.join(WRITERS)}, not {kind!r}")
    database = open_records(where)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return WRITERS[kind](database, where, folder)
    except OSError as error:
        raise BenchError(f"{folder} cannot be written: {error}; free space on that disk") from error
    finally:
        database.close()


def _tables(
    write: Callable[[sa.Table, list[dict[str, Any]], Path], Path],
) -> Callable[[Database, str, Path], list[Path]]:
    def act(database: Database, _: str, folder: Path) -> list[Path]:
        made = []
        for table in TABLES:
            rows = database.rows(sa.select(table).order_by(*table.primary_key.columns))
            made.append(write(table, rows, folder / table.name))
        _attachments(database, folder / "attachments")
        return made

    return act


def _parquet(table: sa.Table, rows: list[dict[str, Any]], path: Path) -> Path:
    import pyarrow as pa  # noqa: PLC0415 # slow
    from pyarrow import parquet  # noqa: PLC0415

    kinds = [
        (column.name, pa.type_for_alias(ARROW.get(column.type.python_type, "string")))
        for column in table.columns
    ]
    made = path.with_suffix(".parquet")
    content = pa.Table.from_pylist(rows, schema=pa.schema(kinds))
    parquet.write_table(content, made, compression="zstd")
    return made


def _csv(table: sa.Table, rows: list[dict[str, Any]], path: Path) -> Path:
    made = path.with_suffix(".csv")
    with made.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [column.name for column in table.columns])
        writer.writeheader()
        writer.writerows(rows)
    return made


def _attachments(database: Database, folder: Path) -> None:
    """Copy every raw file whose SHA-256 is the recorded one.

    Raises:
        BenchError: names those that are missing or changed.
    """
    run, item = schema.run, schema.attachment
    joined = sa.select(item, run.c.folder).join_from(item, run, item.c.run == run.c.id)
    bad = []
    for row in database.rows(joined.order_by(item.c.run, item.c.number)):
        base = database.path.parent if database.path else Path(row["folder"])
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
    if bad:
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise BenchError(f"raw data: {'; '.join(bad[:5])}{more}; take their copy")


def _openmetrics(database: Database, where: str, folder: Path) -> list[Path]:
    registry = CollectorRegistry()
    registry.register(_Newest(database, where))
    made = folder / OPENMETRICS
    made.write_bytes(generate_latest(registry))  # type: ignore[no-untyped-call]
    return [made]


class _Newest(Collector):
    """The newest run of each place as gauges: a scrape has no room for every trial."""

    def __init__(self, database: Database, where: str) -> None:
        names = [row["name"] for row in database.rows(sa.select(schema.place))]
        self._nights = [night for name in sorted(names) for night in _last(where, name)]

    def collect(self) -> Iterator[Metric]:
        labels = ["place", "step", "metric"]
        figures = (
            ("median", "Median of the trials", lambda sample: median(list(sample.values))),
            ("worst", "Longest of the trials", lambda sample: worst(list(sample.values))),
            ("uncertainty", "Uncertainty, k = 2; 0: not stated", lambda one: one.uncertainty),
        )
        for figure, text, of in figures:
            name = f"walnut_rig_{figure}_seconds"
            family = GaugeMetricFamily(name, text, labels=labels, unit="seconds")
            for night in self._nights:
                for key, sample in sorted(night.samples.items()):
                    family.add_metric([night.place, key.step, key.metric], of(sample))
            yield family
        trials = GaugeMetricFamily("walnut_rig_trials", "Trials that have a time", labels=labels)
        left_out = GaugeMetricFamily(
            "walnut_rig_trials_left_out", "Trials that ended badly", labels=["place"]
        )
        runs = InfoMetricFamily("walnut_rig_run", "The run these are of", labels=["place"])
        for night in self._nights:
            for key, sample in sorted(night.samples.items()):
                trials.add_metric([night.place, key.step, key.metric], sample.values.size)
            left_out.add_metric([night.place], night.left_out)
            runs.add_metric([night.place], {"id": night.run, "started": night.label})
        yield from (trials, left_out, runs)


def _last(where: str, place: str) -> list[Night]:
    try:
        return nights([where], place=place)[-1:]
    except UsageError:  # a place that has measured nothing
        return []


WRITERS: dict[str, Callable[[Database, str, Path], list[Path]]] = {
    "parquet": _tables(_parquet),
    "csv": _tables(_csv),
    "openmetrics": _openmetrics,
}
