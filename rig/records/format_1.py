# SPDX-License-Identifier: MIT
"""Files of the first rig, which kept one run as JSON: `step`, `pair`, `floor`, `instrument`."""

import json
import uuid
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rig.records import rows

TABLES = ("run", "instrument", "step", "floor", "pair")
ASIDE = "format_1_"


def put_aside(connection: sa.Connection) -> bool:
    """Rename the tables of an old file, so that today's can be made; False: it is none."""
    found = set(sa.inspect(connection).get_table_names())
    if not {"run", "step"} <= found or "trial" in found:
        return False
    for name in found & set(TABLES):
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {ASIDE}{name}")
    return True


def convert(connection: sa.Connection, folder: Path) -> None:
    """Write the rows that were put aside into today's tables, and drop the old ones."""
    tables = sa.inspect(connection).get_table_names()
    found = [name.removeprefix(ASIDE) for name in tables if name.startswith(ASIDE)]

    def old(name: str) -> list[dict[str, Any]]:
        if name not in found:
            return []
        order = "number" if name in {"step", "pair"} else "rowid"
        query = f"SELECT * FROM {ASIDE}{name} ORDER BY {order}"  # noqa: S608 # names are ours
        return [dict(row) for row in connection.exec_driver_sql(query).mappings()]

    for was in old("run"):
        writer = rows.Writer(connection, uuid.uuid4().hex, folder)
        writer.begin(was["place"], was["command"], was["started_at_s"])
        for item in old("instrument"):
            writer.instrument(item["name"], item["identity"])
        for item in old("floor"):
            writer.floors(json.loads(item["record"]))
        for item in old("step"):
            writer.step(json.loads(item["record"]), cycle=None)
        for item in old("pair"):
            writer.pair(json.loads(item["record"]), item["verdict"])
        writer.end(was["status"], was["ended_at_s"])
    for name in found:
        connection.exec_driver_sql(f"DROP TABLE {ASIDE}{name}")
