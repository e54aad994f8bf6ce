# SPDX-License-Identifier: MIT
"""mismatch.json and mismatch.html: what was expected of each combination, and what was seen."""

from collections import Counter
from pathlib import Path
from typing import Any

from rig.faults.expectations import PARTS, PairVerdict
from rig.report.templates import environment

FORMAT = 1
MARKS = {  # a sign beside the colour: told apart in print and by everyone
    PairVerdict.as_expected.value: "✓",
    PairVerdict.differs.value: "✗",
    PairVerdict.silent.value: "‼",
    PairVerdict.bench.value: "?",
}


def counts(pairs: list[dict[str, Any]]) -> dict[str, int] | None:
    """Count the verdicts; None where the run had no pairs."""
    if not pairs:
        return None
    found = Counter(pair["verdict"] for pair in pairs)
    return {verdict.value: found[verdict.value] for verdict in PairVerdict}


def table(summary: dict[str, Any], pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mismatch.json, docs/reference/mismatch.schema.json."""
    keys = ("part", "subject", "expected", "seen", "verdict", "detail", "harm", "duration_s")
    return {
        "format": FORMAT,
        "place": summary["place"],
        "command": summary["command"],
        "started": summary["started"],
        "status": summary["status"],
        "verdict": summary["verdict"],
        "counts": counts(pairs),
        "pairs": [{key: pair[key] for key in keys} | {"error": pair["error"]} for pair in pairs],
    }


def parts(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pairs part by part, each part's worst first."""
    order = [PairVerdict.silent, PairVerdict.differs, PairVerdict.bench, PairVerdict.as_expected]
    rank = {verdict.value: at for at, verdict in enumerate(order)}
    found = []
    for part, title in PARTS.items():
        rows = [pair for pair in pairs if pair["part"] == part]
        if rows:
            good = sum(row["verdict"] == PairVerdict.as_expected.value for row in rows)
            rows.sort(key=lambda row: rank[row["verdict"]])
            found.append({"name": part, "title": title, "rows": rows, "good": good})
    return found


def write_page(path: Path, document: dict[str, Any]) -> None:
    """Render the page: one file, no network."""
    page = environment().get_template("mismatch.html.j2")
    html = page.render(document=document, parts=parts(document["pairs"]), marks=MARKS)
    path.write_text(html, encoding="utf-8")
