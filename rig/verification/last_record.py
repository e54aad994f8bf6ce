# SPDX-License-Identifier: MIT
"""The record of a place's last verification, and whether it still holds; one JSON file a place.

docs/reference/calibration.schema.json
"""

import datetime as dt
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig import state_folder
from rig.errors import BenchError
from rig.place.file import AGE_OPTION, REQUIRE_OPTION, PlaceFile
from rig.verification.interruptions import ALL, Settings

FORMAT = 1
AGE_MAX_H = 24.0
JUDGED = ("traffic", "counter")  # whose numbers a record can speak for


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a place's numbers are verified, and why not.

    A number is verified when `verified` is true and its view is one of `views`.
    """

    verified: bool
    reason: str
    when: str | None = None  # of the verification
    views: tuple[str, ...] = JUDGED  # of JUDGED, what the verification speaks for
    bias_s: Mapping[str, float] = field(default_factory=dict)  # of its views, over all lengths

    def unverified(self, instruments: Mapping[str, str]) -> str:
        """Say in a line which of a run's numbers are not verified, and why; empty if all are."""
        held = self.views if self.verified else ()
        left = [view for view in JUDGED if view in instruments and view not in held]
        if not left:
            return ""
        why = self.reason or f"the last verification ({self.when}) was of {_and(held)} alone"
        return f"numbers of {_and(left)} are not verified: {why}"


def path_of(place: Path) -> Path:
    """Return where the record of a place file lies."""
    return state_folder.folder("calibration") / f"{place.stem}.json"


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
    """Tell whether numbers of `instruments` (name and identity) are verified by `record`; pure.

    Identities are compared for the views that the record speaks for; one without `views` is from
    before there were any, and speaks for both.
    """
    if record is None:
        return Standing(verified=False, reason="the place was never verified")
    when = str(record["when"])
    views = tuple(view for view in JUDGED if view in record.get("views", JUDGED))
    settings = Settings(**record["settings"])
    reason = ""
    age_h = (now_s - dt.datetime.fromisoformat(when).timestamp()) / 3600
    if record["verdict"] != "passed":
        reason = f"the last verification ({when}) {_WORDS[record['verdict']]}"
    elif not 0 <= age_h <= age_max_h:
        reason = f"the last verification ({when}) is {age_h:.1f} h old, {age_max_h:g} h are allowed"
    elif not settings.covers(Settings()):
        reason = f"the last verification ({when}) was partial: {settings}, not {Settings()}"
    else:
        reason = _other_instrument(record["instruments"], instruments or {}, views)
    bias_s = {
        row["view"]: row["bias_s"]
        for row in record.get("rows", ())
        if row["lengths"] == ALL and row["view"] in views and row["bias_s"] is not None
    }
    return Standing(verified=not reason, reason=reason, when=when, views=views, bias_s=bias_s)


_WORDS = {"failed": "failed", "unclear": "was unclear"}


def _other_instrument(
    known: Mapping[str, str], now: Mapping[str, str], views: tuple[str, ...]
) -> str:
    """Say which instrument is another one now; empty if none is."""
    for name in views:
        if name in now and now[name] != known.get(name):
            return f"{name} was verified as {known.get(name)!r} and is {now[name]!r}"
    return ""


def _and(words: Iterable[str]) -> str:
    return " and ".join(words)


def of_place(
    place: PlaceFile, *, now_s: float, instruments: Mapping[str, str] | None = None
) -> Standing:
    """Return the standing of a place file."""
    age_max_h = float(place.options.get(AGE_OPTION, AGE_MAX_H))
    return standing(read(place.path), now_s=now_s, age_max_h=age_max_h, instruments=instruments)


def is_required(place: PlaceFile) -> bool:
    """Tell whether a place file asks for a verification before runs that measure."""
    return bool(place.options.get(REQUIRE_OPTION, False))


def require(place: Path, standing: Standing) -> None:
    """Refuse a place that is not verified.

    Raises:
        BenchError: it is not; says what to run.
    """
    if not standing.verified:
        raise BenchError(
            f"{place}: {standing.reason}; the lab verifies its instruments with"
            f" `rig verify-measurement --place {place}`, `--unverified` runs without"
        )
