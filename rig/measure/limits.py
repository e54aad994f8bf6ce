# SPDX-License-Identifier: MIT
"""The limits that a place file sets on a run's figures, docs/reference/limits.md."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from rig.measure.measurement import Limit

OUTAGES = ("outage.traffic", "outage.counter", "outage.frame_loss")
SETTLINGS = ("settle.traffic", "settle.counter")  # until five clean seconds began
PHASES = ("T1", "T2", "T3", "T4")  # of RFC 7654
CHOICES = {
    "figure": (*OUTAGES, *SETTLINGS, *PHASES),
    "direction": ("up", "down"),
    "reset": ("process", "os", "power"),
}
NEEDED = ("figure", "max_s", "source")
KEYS = (*NEEDED, "direction", "from", "to", "reset")


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureLimit:
    """An upper bound on one figure of the upgrades or resets that it covers; empty: any."""

    figure: str
    limit: Limit
    direction: str = ""
    start: str = ""
    end: str = ""
    reset: str = ""

    @classmethod
    def parse(cls, entry: object) -> Self:
        """Read an entry of a place file's `options.limits`.

        Raises:
            ValueError: it is none; names the key.
        """
        if not isinstance(entry, Mapping):  # as YAML has it: for its author one kind of mistake
            raise ValueError(  # noqa: TRY004
                f"a limit is a mapping of {', '.join(KEYS)}"
            )
        _check(entry)
        return cls(
            figure=entry["figure"],
            limit=Limit(at_most=float(entry["max_s"]), unit="s", source=entry["source"]),
            direction=entry.get("direction", ""),
            start=entry.get("from", ""),
            end=entry.get("to", ""),
            reset=entry.get("reset", ""),
        )

    @property
    def covered(self) -> str:
        """Say for people what it covers."""
        if self.reset:
            return f"{self.reset} resets"
        words = {"": self.direction, "from ": self.start, "to ": self.end}
        return " ".join(["upgrades", *(f"{key}{word}" for key, word in words.items() if word)])

    def covers(self, start: str, end: str, reset: str | None) -> bool:
        """Tell whether a reset, or an upgrade between two releases, is held against this limit."""
        if reset or self.reset:
            return reset == self.reset
        ways = {
            "": True,
            "up": _numbers(end) > _numbers(start),
            "down": _numbers(end) < _numbers(start),
        }
        return ways[self.direction] and self.start in {"", start} and self.end in {"", end}


def complaints(entries: object) -> list[str]:
    """Return what is wrong with `options.limits`, each with where; nothing if all is well."""
    if not isinstance(entries, list):
        return [": a list of limits"]
    found = []
    for number, entry in enumerate(entries, start=1):
        try:
            FigureLimit.parse(entry)
        except ValueError as error:
            found.append(f"[{number}]: {error}")
    return found


def _check(entry: Mapping[str, Any]) -> None:
    for key in NEEDED:
        if key not in entry:
            raise ValueError(f"{key} is missing")
    for key, value in entry.items():
        if key not in KEYS:
            raise ValueError(f"{key}: unknown key; known: {', '.join(KEYS)}")
        if key == "max_s":
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not 0 < value < math.inf
            ):
                raise ValueError(f"max_s: {value!r} is no number of seconds")
        elif not isinstance(value, str) or not value:
            raise ValueError(f"{key}: {value!r} is no text")
        elif value not in CHOICES.get(key, (value,)):
            raise ValueError(f"{key}: {value!r} is none of {', '.join(CHOICES[key])}")
    if "reset" in entry and ({"direction", "from", "to"} & set(entry) or entry["figure"] in PHASES):
        raise ValueError("reset: a reset has no direction, no releases and no phases")


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", release)))
