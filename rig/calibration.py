# SPDX-License-Identifier: MIT
"""The record of a place's last verification, and whether it still holds; one JSON file a place.

docs/reference/calibration.schema.json
"""

import datetime as dt
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig import state
from rig.errors import BenchError
from rig.place_file import options

FORMAT = 1
AGE_MAX_H = 24.0
AGE_OPTION = "verified_for_h"  # of a place file's `options`
JUDGED = ("traffic", "counter")  # whose numbers the record speaks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a place's numbers are verified, and why not."""

    verified: bool
    reason: str
    when: str | None = None  # of the verification


def path_of(place: Path) -> Path:
    """Return where the record of a place file lies."""
    return state.folder("calibration") / f"{place.stem}.json"


def write(place: Path, record: Mapping[str, Any]) -> Path:
    """Keep a record, in one rename."""
    path = path_of(place)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)
    return path


def read(place: Path) -> dict[str, Any] | None:
    """Return the last record of a place; None when there is none that can be read."""
    try:
        record = json.loads(path_of(place).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("format") == FORMAT else None


def standing(
    record: Mapping[str, Any] | None,
    *,
    now_s: float,
    age_max_h: float = AGE_MAX_H,
    instruments: Mapping[str, str] | None = None,
) -> Standing:
    """Tell whether numbers of `instruments` (name and identity) are verified by `record`; pure."""
    if record is None:
        return Standing(verified=False, reason="the place was never verified")
    when = str(record["when"])
    reason = ""
    age_h = (now_s - dt.datetime.fromisoformat(when).timestamp()) / 3600
    if record["verdict"] != "passed":
        reason = f"the last verification ({when}) {_WORDS[record['verdict']]}"
    elif not 0 <= age_h <= age_max_h:
        reason = f"the last verification ({when}) is {age_h:.1f} h old, {age_max_h:g} h are allowed"
    else:
        for name in JUDGED:
            known, now = record["instruments"].get(name), (instruments or {}).get(name)
            if instruments is not None and now is not None and now != known:
                reason = f"{name} was verified as {known!r} and is {now!r}"
    return Standing(verified=not reason, reason=reason, when=when)


_WORDS = {"failed": "failed", "unclear": "was unclear"}


def of_place(
    place: Path, *, now_s: float, instruments: Mapping[str, str] | None = None
) -> Standing:
    """Return the standing of a place file."""
    age_max_h = float(options(place).get(AGE_OPTION, AGE_MAX_H))
    return standing(read(place), now_s=now_s, age_max_h=age_max_h, instruments=instruments)


def require(place: Path, standing: Standing) -> None:
    """Refuse a place that is not verified.

    Raises:
        BenchError: it is not; says what to run.
    """
    if not standing.verified:
        raise BenchError(
            f"{place}: {standing.reason}; the lab verifies its instruments with"
            f" `rig verify-measurement --place {place}`"
        )
