#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prove that the rig can see: each seeded defect must be found by the campaign meant for it.

`make mutants` runs this on the virtual bench, with firmware/defects built.  Each campaign is also
run without any defect, and must then be good; where a defect shows under a fault of the bench only,
a sound board has to bear that fault.  Exit code 1: a defect went unseen, or a campaign cries wolf.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DEFECTS = ROOT / "firmware" / "defects"
GOOD_FIRMWARE = ROOT / "firmware" / "out" / "index.json"
PLACE = ROOT / "places" / "virtual.yaml"
GOOD_INDEX = "../firmware/out/index.json"
LIMIT_S = 1200.0
GOOD, PRODUCT, BENCH = 0, 1, 3
LONG_WAY = "the long way differs"
# What a defect of bench or instrument ends with is the bench's failure; the board's never is.
OF_THE_BENCH = {LONG_WAY, "the heartbeat comes every"}
VERDICTS = {"differs": {"silent", "differs"}, "silent": {"silent"}}  # of pairs, by `finds`


class Ended(NamedTuple):
    """How a campaign ended: its exit code, its summary, and what the command said."""

    code: int
    summary: dict[str, Any]
    said: str


def place_file(folder: Path, index: Path) -> Path:
    """Write the virtual place with another firmware."""
    text = PLACE.read_text(encoding="utf-8")
    if text.count(GOOD_INDEX) != 1:
        raise SystemExit(f"{PLACE} does not name {GOOD_INDEX} once")
    path = folder / "virtual.yaml"
    path.write_text(text.replace(GOOD_INDEX, str(index)), encoding="utf-8")
    return path


def rig(words: list[str]) -> tuple[int, str]:
    """Run the `rig` command; return its exit code and all it said."""
    done = subprocess.run(
        [sys.executable, "-m", "rig.cli", *words],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        cwd=ROOT,
    )
    return done.returncode, done.stdout


@contextmanager
def faulty_bench(fault: str) -> Iterator[None]:
    """Make the bench misbehave meanwhile; an empty `fault` is none."""
    if not fault:
        yield
        return
    code, said = rig(["bench", "fault", *shlex.split(fault)])
    if code != GOOD:
        raise SystemExit(f"the bench does not take the fault {fault!r}: {said}")
    try:
        yield
    finally:
        rig(["bench", "fault", "clear"])


def run(campaign: str, index: Path, folder: Path, fault: str = "") -> Ended:
    """Run one campaign, the bench faulty meanwhile if it is to be."""
    folder.mkdir(parents=True)
    report = folder / "report"
    words = shlex.split(campaign)
    options = ["--place", str(place_file(folder, index)), "--report", str(report), "--no-allure"]
    with faulty_bench(fault):
        code, said = rig([*words, *options])
    for name in ("sweep.json", "mismatch.json", "summary.json"):
        if (report / name).exists():
            summary = json.loads((report / name).read_text(encoding="utf-8"))
            return Ended(code, summary, said)
    return Ended(code, {}, said)


def seen(finds: str, ended: Ended) -> str:
    """Return what gave the defect away (a key where there is one), or nothing."""
    code, summary, said = ended
    if code not in ({PRODUCT, BENCH} if finds in OF_THE_BENCH else {PRODUCT}):
        return ""
    return next(iter([*_signs(finds, summary), *_lines(finds, said)]), "")


def _signs(finds: str, summary: dict[str, Any]) -> list[str]:
    """Return what of a summary is what the campaign was to find."""
    found = [f["key"] for f in summary.get("failures", []) if f["outcome"] == finds]
    if finds == LONG_WAY:
        found += summary.get("long", {}).get("differing", [])
    pairs = [p for p in summary.get("pairs") or [] if p["verdict"] in VERDICTS.get(finds, ())]
    found += [f"{pair['subject']}: {pair['seen']}" for pair in pairs]
    for step in summary.get("steps", []):
        if finds in f"{step['ended_on']} {step['error'] or ''}":
            found.append(f"{step['name']}: {step['ended_on']}")
    return found


def _lines(finds: str, said: str) -> list[str]:
    """Return what the command said of it, when it ended before there was a summary."""
    return [line.strip()[:160] for line in said.splitlines() if "error (" in line and finds in line]


class Trials:
    """Runs campaigns, each without a defect and once with each defect that it is to find."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clean: dict[str, bool] = {}

    @property
    def cries_wolf(self) -> bool:
        return not all(self._clean.values())

    def check_clean(self, entry: Mapping[str, str]) -> None:
        """See that the campaign is good without the defect; once a campaign."""
        campaign, finds = entry["campaign"], entry["finds"]
        if campaign not in self._clean:
            ended = run(campaign, GOOD_FIRMWARE, self._new_folder())
            good = ended.code == GOOD and not seen(finds, ended)
            self._note_clean(campaign, ended, good=good)
        if "sound" not in entry:
            return
        fault = entry["fault"]
        ended = run(campaign, GOOD_FIRMWARE, self._new_folder(), fault)
        good = bool(seen(entry["sound"], ended)) and not seen(finds, ended)
        self._note_clean(f"{campaign} (with {fault})", ended, good=good)

    def _note_clean(self, campaign: str, ended: Ended, *, good: bool) -> None:
        self._clean[campaign] = good
        print(f"{'ok  ' if good else 'BAD '} no defect: {campaign}", flush=True)
        if not good:
            print(ended.said[-3000:], flush=True)

    def find(self, name: str, entry: Mapping[str, str]) -> str:
        """Run the defect's campaign with it; return what gave it away, or nothing."""
        began_s = time.monotonic()
        built = DEFECTS / "out" / name / "index.json"
        index = built if (DEFECTS / f"{name}.patch").exists() else GOOD_FIRMWARE
        ended = run(entry["campaign"], index, self._folder / name, entry.get("fault", ""))
        found = seen(entry["finds"], ended)
        took_s = time.monotonic() - began_s
        shown = found or ended.said[-2000:]
        print(f"{'seen' if found else 'MISS'} {name}: {shown} ({took_s:.0f} s)", flush=True)
        return found

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="good-", dir=self._folder)) / "run"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="defects (default: all)")
    wanted = parser.parse_args().names
    table = tomllib.loads((DEFECTS / "defects.toml").read_text(encoding="utf-8"))["defect"]
    if unknown := set(wanted) - set(table):
        raise SystemExit(f"no defect {', '.join(unknown)}; known: {', '.join(table)}")
    rows: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        trials = Trials(Path(scratch))
        for name, entry in table.items():
            if wanted and name not in wanted:
                continue
            trials.check_clean(entry)
            rows.append((name, entry["campaign"], trials.find(name, entry)))
    print("\ndefect | campaign | found by")
    for name, campaign, found in rows:
        print(f"{name} | rig {campaign} | {found or 'UNSEEN'}")
    unseen = [name for name, _, found in rows if not found]
    print(f"{len(rows) - len(unseen)} of {len(rows)} defects seen")
    return 0 if rows and not unseen and not trials.cries_wolf else 1


if __name__ == "__main__":
    sys.exit(main())
