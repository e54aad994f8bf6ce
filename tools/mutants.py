#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prove that the rig can see: each seeded defect must be found by the campaign meant for it.

`make mutants` runs this on the virtual bench, with firmware/defects built.  Each campaign is also
run without any defect, and must then be good.  Exit code 1: a defect went unseen, or a campaign
cries wolf.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DEFECTS = ROOT / "firmware" / "defects"
PLACE = ROOT / "places" / "virtual.yaml"
GOOD_INDEX = "../firmware/out/index.json"
LIMIT_S = 1200.0
GOOD, PRODUCT, BENCH = 0, 1, 3
LONG_WAY = "the long way differs"


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


def run(campaign: str, index: Path, folder: Path) -> tuple[int, dict[str, Any], str]:
    """Run one campaign; return exit code, its summary, and what it said."""
    folder.mkdir(parents=True)
    report = folder / "report"
    words = shlex.split(campaign)
    options = ["--place", str(place_file(folder, index)), "--report", str(report), "--no-allure"]
    code, said = rig([*words, *options])
    for name in ("sweep.json", "mismatch.json", "summary.json"):
        if (report / name).exists():
            return code, json.loads((report / name).read_text(encoding="utf-8")), said
    return code, {}, said


def seen(finds: str, code: int, summary: dict[str, Any], said: str) -> str:
    """Return what gave the defect away (a key where there is one), or nothing."""
    if finds == "unclear":
        views = [step["outage"]["agreement"] for step in summary.get("steps", [])]
        return "every outage is unclear" if views and set(views) == {"unclear"} else ""
    # A bench that cuts late is the bench's failure, and the report names what differs.
    if code not in ({PRODUCT, BENCH} if finds == LONG_WAY else {PRODUCT}):
        return ""
    return next(iter([*_signs(finds, summary), *_lines(finds, said)]), "")


def _signs(finds: str, summary: dict[str, Any]) -> list[str]:
    """Return what of a summary is what the campaign was to find."""
    found = [f["key"] for f in summary.get("failures", []) if f["outcome"] == finds]
    if finds == LONG_WAY:
        found += summary.get("long", {}).get("differing", [])
    if finds == "differs":
        pairs = [p for p in summary.get("pairs", []) if p["verdict"] in {"silent", "differs"}]
        found += [f"{pair['subject']}: {pair['seen']}" for pair in pairs]
    for step in summary.get("steps", []):
        if finds in f"{step['ended_on']} {step['error'] or ''}":
            found.append(f"{step['name']}: {step['ended_on']}")
    return found


def _lines(finds: str, said: str) -> list[str]:
    """Return what the command said of it, when it ended before there was a summary."""
    return [line.strip()[:160] for line in said.splitlines() if "error (" in line and finds in line]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="defects (default: all)")
    wanted = parser.parse_args().names
    table = tomllib.loads((DEFECTS / "defects.toml").read_text(encoding="utf-8"))["defect"]
    if unknown := set(wanted) - set(table):
        raise SystemExit(f"no defect {', '.join(unknown)}; known: {', '.join(table)}")
    rows: list[tuple[str, str, str]] = []
    clean: dict[str, bool] = {}
    good = ROOT / "firmware" / "out" / "index.json"
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        for name, entry in table.items():
            if wanted and name not in wanted:
                continue
            campaign, began_s = entry["campaign"], time.monotonic()
            if campaign not in clean:
                code, summary, said = run(campaign, good, Path(scratch) / f"good-{len(clean)}")
                clean[campaign] = code == GOOD and not seen(entry["finds"], code, summary, said)
                print(f"{'ok  ' if clean[campaign] else 'BAD '} no defect: {campaign}", flush=True)
                if not clean[campaign]:
                    print(said[-3000:], flush=True)
            fault = shlex.split(entry.get("fault", ""))
            index = good if fault else DEFECTS / "out" / name / "index.json"
            if fault:
                rig(["bench", "fault", *fault])
            code, summary, said = run(campaign, index, Path(scratch) / name)
            if fault:
                rig(["bench", "fault", "clear"])
            found = seen(entry["finds"], code, summary, said)
            took_s = time.monotonic() - began_s
            rows.append((name, campaign, found))
            print(f"{'seen' if found else 'MISS'} {name}: {found or said[-2000:]} ({took_s:.0f} s)")
            sys.stdout.flush()
    print("\ndefect | campaign | found by")
    for name, campaign, found in rows:
        print(f"{name} | rig {campaign} | {found or 'UNSEEN'}")
    unseen = [name for name, _, found in rows if not found]
    print(f"{len(rows) - len(unseen)} of {len(rows)} defects seen")
    return 0 if rows and not unseen and all(clean.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
