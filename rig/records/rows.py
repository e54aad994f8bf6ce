# SPDX-License-Identifier: MIT
"""What the rig found, as rows.  A step's whole record is kept; its figures are rows beside it."""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rig.records import schema
from rig.secrecy import hide

PHASES = (("t1_s", "phase.T1"), ("t2_s", "phase.T2"), ("t3_s", "phase.T3"))
CONSOLE = "console lines as the rig's clock saw them"
K = 2.0  # every uncertainty of the rig is at 95 %, docs/explanation/measuring.md
OF_MEASUREMENT = {"name", "value", "unit", "uncertainty", "source", "taken_at_s"}
OF_MEASUREMENT |= {"method", "calibration"}
FIGURES = ("outage", "settle")
VIEWS = ("traffic", "counter")  # whose outages a verification speaks for, unless it says less


class Writer:
    """Writes rows of one run in a transaction of the caller's."""

    def __init__(self, connection: sa.Connection, run: str, folder: Path) -> None:
        self._connection = connection
        self._run = run
        self._folder = folder

    def begin(self, place: str, command: str, started_at_s: float) -> None:
        known = sa.select(schema.place).where(schema.place.c.name == place)
        if self._connection.execute(known).first() is None:
            self._connection.execute(schema.place.insert().values(name=place))
        self._connection.execute(
            schema.run.insert().values(
                id=self._run,
                place=place,
                command=clean(command),
                folder=str(self._folder),
                started_at_s=started_at_s,
                status="running",
            )
        )

    def end(self, status: str, ended_at_s: float | None) -> None:
        row = schema.run.update().where(schema.run.c.id == self._run)
        self._connection.execute(row.values(status=status, ended_at_s=ended_at_s))

    def add(self, table: sa.Table, **values: object) -> int:
        """Add one row; return its number."""
        last = sa.select(sa.func.max(table.c.number)).where(table.c.run == self._run)
        number = int(self._connection.execute(last).scalar() or 0) + 1
        tidy = {
            name: clean(value) if isinstance(value, str) else value
            for name, value in values.items()
        }
        self._connection.execute(table.insert().values(run=self._run, number=number, **tidy))
        return number

    def instrument(self, name: str, identity: str) -> None:
        """Note who an instrument is; the last word counts."""
        self.add(schema.instrument, name=name, identity=identity)

    def cycle(self, name: str, started_at_s: float) -> int:
        return self.add(schema.cycle, name=name, started_at_s=started_at_s)

    def floors(self, record: dict[str, Any]) -> None:
        """Record an undisturbed run: the longest gaps, and how many datagrams were lost."""
        method = f"longest gap of {record['duration_s']:g} s without an event"
        for name, value, unit in (
            ("floor.traffic", record["traffic_s"], "s"),
            ("floor.counter", record["counter_s"], "s"),
            ("floor.lost", record["lost"], "datagrams"),
        ):
            if value is not None:
                self._figure(None, name, value, unit, method)
        self._event(None, None, "rig", "floors", record)

    def verification(self, record: dict[str, Any]) -> None:
        """Record whether the instruments have shown that their uncertainties hold."""
        self._event(None, None, "rig", "verification", record)

    def clock(self, record: dict[str, Any]) -> None:
        """Record that the computer's clock was set while the run went on."""
        self._event(None, None, "rig", "clock", record)

    def step(self, record: dict[str, Any], cycle: int | None) -> int:
        """Record one step (a StepResult as JSON); return its number."""
        same = ("name", "fault", "wanted", "from_release", "to_release", "outcome", "ended_on")
        numbers = ("boots", "started_at_s", "duration_s", "error")
        trial = self.add(
            schema.trial,
            cycle=cycle,
            kind=_kind(record),
            **{name: record[name] for name in (*same, *numbers)},
            record=json.dumps(record),
        )
        verified = self._verified()
        for found in measurements(record):
            self._measurement(trial, found, verified)
        for name, value in phases(record).items():
            self._figure(trial, name, value, "s", CONSOLE)
        for event in (record["upgrade"] or {}).get("events", ()):
            if event["event"] != "progress":
                name = f"{event['phase']} {event['event']}"
                self._event(trial, event["seen_at_s"], "board", name, event["keys"])
        if record["cut"]:
            self._event(trial, None, "bench", "cut", record["cut"])
        if record["outages"]:
            self.attachment(trial, Path(record["outages"]["raw"]))
        return trial

    def pair(self, record: dict[str, Any], verdict: str) -> None:
        same = ("part", "subject", "expected", "seen")
        values = {name: record[name] for name in same}
        self.add(schema.pair, **values, verdict=verdict, record=json.dumps(record))

    def attachment(self, trial: int | None, path: Path) -> None:
        """Note a file's size and SHA-256; a file that is not there is none."""
        file = self._folder / path
        if not file.is_file():
            return
        inside = file.is_relative_to(self._folder)
        self.add(
            schema.attachment,
            trial=trial,
            name=path.stem,
            path=str(file.relative_to(self._folder) if inside else file),
            media_type="application/x-npz" if path.suffix == ".npz" else "application/octet-stream",
            size_bytes=file.stat().st_size,
            sha256=sha256(file),
        )

    def _verified(self) -> dict[str, str]:
        """Return when each view was verified, by the start of its outages' names."""
        event = schema.event.c
        newest = (
            sa.select(event.detail)
            .where(event.run == self._run, event.name == "verification")
            .order_by(event.number.desc())
        )
        found = json.loads(self._connection.execute(newest).scalar() or "{}")
        if not found.get("verified"):
            return {}
        views = found.get("views", VIEWS)
        return {f"{figure}.{view}": str(found["when"]) for figure in FIGURES for view in views}

    def _measurement(
        self, trial: int | None, found: dict[str, Any], verified: dict[str, str]
    ) -> None:
        """Record a measurement; who cannot say when it was calibrated was so when verified."""
        rest = {name: value for name, value in found.items() if name not in OF_MEASUREMENT}
        if not math.isfinite(found["value"]):
            return  # the record has it; no database agrees with another on what it is
        view = ".".join(found["name"].split(".")[:2])  # of outage.traffic.frame_loss, too
        self.add(
            schema.measurement,
            trial=trial,
            name=found["name"],
            value=float(found["value"]),
            unit=found["unit"],
            u=float(found["uncertainty"]),
            k=K,
            method=found["method"],
            instrument=found["source"],
            calibration=found["calibration"] or verified.get(view, ""),
            taken_at_s=found["taken_at_s"],
            detail=json.dumps(rest) if rest else None,
        )

    def _figure(self, trial: int | None, name: str, value: float, unit: str, method: str) -> None:
        """Record what has no uncertainty of its own: nobody stated one, so there is none."""
        texts = {"method": method, "instrument": "", "calibration": ""}
        self.add(schema.measurement, trial=trial, name=name, value=float(value), unit=unit, **texts)

    def _event(
        self, trial: int | None, at_s: float | None, source: str, name: str, detail: object
    ) -> None:
        text = json.dumps(detail)
        self.add(schema.event, trial=trial, at_s=at_s, source=source, name=name, detail=text)


def measurements(record: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 # JSON
    """Find every measurement in a record, wherever it stands."""
    if isinstance(record, dict):
        if record.keys() >= OF_MEASUREMENT:
            yield record
            return
        for item in record.values():
            yield from measurements(item)
    elif isinstance(record, list):
        for item in record:
            yield from measurements(item)


def _kind(record: dict[str, Any]) -> str:
    """Return what was done: an upgrade, or which reset; an older rig knew that of power alone."""
    if "reset" in record:
        return f"{record['reset']} reset" if record["reset"] else "upgrade"
    return "upgrade" if record["upgrade"] else "power reset"


def phases(record: dict[str, Any]) -> dict[str, float]:
    """Return how long each phase took, and the boot: from the updater's reboot to the service."""
    upgrade = record["upgrade"] or {}
    found = {name: upgrade[key] for key, name in PHASES if upgrade.get(key) is not None}
    events = upgrade.get("events", ())
    moments = {f"{item['phase']} {item['event']}": item["seen_at_s"] for item in reversed(events)}
    if upgrade.get("boots") == 1 and {"run reboot", "boot up"} <= moments.keys():
        found["boot"] = moments["boot up"] - moments["run reboot"]
    return found


def clean(text: str) -> str:
    """Return a text that every database takes: PostgreSQL's holds no NUL, and UTF-8 no halves.

    And no password: what is in a record is in its copies, exports and reports.
    """
    return hide(text).replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
