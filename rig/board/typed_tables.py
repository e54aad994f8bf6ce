# SPDX-License-Identifier: MIT
"""Typed values out of the parsed files that firmware/ leaves; an error names file and key."""

from pathlib import Path
from typing import TypeVar, get_type_hints

from rig.errors import UsageError

FORMAT = 1  # of index.json (docs/reference/bundle.md) and of flash-map.toml
Value = TypeVar("Value")
Record = TypeVar("Record")


def record(
    kind: type[Record], table: object, file: Path, where: str = "", **given: object
) -> Record:
    """Return the dataclass `kind`, each field read from the key of its name.

    A path is relative to `file`; `given` fields are not read.
    """
    values = dict(given)
    for name, wanted in get_type_hints(kind).items():
        if name in given:
            continue
        is_path = wanted is Path
        value = get(table, name, str if is_path else wanted, file, where)
        values[name] = file.parent / value if is_path else value
    return kind(**values)


def check_format(document: object, path: Path) -> None:
    found = get(document, "format", int, path)
    if found != FORMAT:
        raise UsageError(f"{path} has format {found}; this rig reads format {FORMAT}")


def get(table: object, key: str, kind: type[Value], path: Path, where: str = "") -> Value:
    """Return `table[key]`, or say which key of which file is wrong."""
    value = table.get(key) if isinstance(table, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UsageError(f"{path}: {where}{key} must be a {kind.__name__}, not {value!r}")
    return value
