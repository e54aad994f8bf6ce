# SPDX-License-Identifier: MIT
"""What a planned sweep says of itself before it starts: what there is to cut, and what it costs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from rig.board.flash_map import FlashMap
from rig.faults.plan import Kind
from rig.sweep.operations import Labelled
from rig.sweep.point import LONG, SHORT
from rig.sweep.records import SweepRecords
from rig.sweep.strata import Stratum


def described(records: SweepRecords, places: int) -> Iterator[str]:
    """Say line by line what `rig sweep` is about to do with so many boards."""
    found = records.sweep() or {}
    points = records.points()
    open_points = [point for point in points if point["outcome"] is None]
    left = Counter(point["way"] for point in open_points)
    if "strata" in found["recording"]:
        yield from strata_lines(found["recording"]["strata"], points)
        cost = (
            f"the uncut run and its preparation took {found['baseline_s']:.0f} s, so about"
            f" {left.total() * found['baseline_s'] / places / 60:.0f} min"
        )
    else:
        yield from operation_lines(records.operations(), FlashMap.load())
        cost = _cost(found, left[LONG], left[SHORT] - _shared(open_points), places)
    done = len(points) - left.total()
    yield f"{len(points)} points, {done} done; {cost} on {places} board(s)"


def _shared(points: Iterable[Mapping[str, Any]]) -> int:
    """Count the cuts before an operation whose flash that after the one before it has left."""
    short = [point for point in points if point["way"] == SHORT and point["depth"] == 1]
    after = {point["number"] for point in short if point["kind"] == Kind.after.value}
    return sum(p["kind"] == Kind.before.value and p["number"] - 1 in after for p in short)


def _cost(found: Mapping[str, Any], cuts: int, boots: int, places: int) -> str:
    """Price what is left: a boot by the short way; by the long way the run between two boots."""
    boot_s = found["baseline_s"]
    cut_s = 2 * boot_s + found["recording"]["times_s"][-1]
    minutes = (boots * boot_s + cuts * cut_s) / places / 60
    more = ", and the cuts in recoveries besides," if found["settings"]["nested"] > 1 else ""
    return (
        f"a boot takes {boot_s:.2f} s on an idle computer, a real cut {cut_s:.0f} s,"
        f" so about {minutes:.0f} min{more}"
    )


def operation_lines(operations: Iterable[Labelled], flash_map: FlashMap) -> Iterator[str]:
    """Name the operations: phase, partition, its sectors that are written, erase and program."""
    operations = list(operations)
    yield f"{len(operations)} flash operations:"
    named: dict[tuple[str, str], list[Labelled]] = {}
    for item in operations:
        named.setdefault((item.phase, item.partition), []).append(item)
    for (phase, partition), group in named.items():
        base = flash_map.partition(partition).offset
        first = (min(item.offset for item in group) - base) // flash_map.sector
        last = (max(item.offset + item.length for item in group) - 1 - base) // flash_map.sector
        sectors = f"sector {first}" if first == last else f"sectors {first}-{last}"
        whats = Counter(item.what for item in group)
        yield (
            f"  {len(group):6}  {phase:15} in {partition:13} {sectors:14}"
            f" {whats['ERASE']:4} erase {whats['PROGRAM']:5} program,"
            f" from operation {group[0].number} on"
        )


def strata_lines(found: Iterable[Any], points: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Name what a sweep by the clock cuts into, by what the board is about."""
    strata = [Stratum.from_json(item) for item in found]
    drawn = Counter(point["number"] for point in points)
    yield f"{len(strata)} strata between the board's lines:"
    numbered = enumerate(strata, start=1)
    for band, members in groupby(numbered, key=lambda item: item[1].band):
        group = list(members)
        length_s = sum(stratum.length_s for _, stratum in group)
        cuts = sum(drawn[number] for number, _ in group)
        yield (
            f"  {len(group):6}  {band:12} {length_s:8.3f} s from {group[0][1].begin_s:8.3f} s"
            f" on, {cuts} cuts"
        )
