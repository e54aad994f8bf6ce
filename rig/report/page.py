# SPDX-License-Identifier: MIT
"""index.html: the run for people, one file that opens without a network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rig.report import outage_plots, upgrade
from rig.report.summary import VIEWS
from rig.report.templates import environment
from rig.report.verified import reason

HEADLINES = {
    "good": ("Good", "All came out as on a good board."),
    "product": ("Product failure", "The board's software has a fault, or missed a limit."),
    "bench": ("Bench failure", "Equipment failed: the steps concerned say nothing of the board."),
    "empty": ("Nothing measured", "No step was recorded."),
}


def write_page(
    path: Path,
    summary: dict[str, Any],
    *,
    allure: bool,
    reports: Sequence[str] = (),
    records: Path | None = None,
) -> None:
    """Render the page of a summary; `reports` are the RFC reports beside it.

    `records` is the folder that the raw data's names are from; without one it is the page's.
    """
    templates = environment()
    templates.filters |= {"measured": measured, "settled": settled}
    steps = summary["steps"]
    values = [step["outage"]["traffic"]["value_s"] for step in steps if step["outage"]["traffic"]]
    title, sentence = HEADLINES[summary["verdict"]]
    page = templates.get_template("index.html.j2").render(
        summary=summary,
        title=title,
        sentence=sentence,
        unverified=reason(summary["verification"], summary["instruments"]),
        worst_s=max(values, default=None),
        budgets=budgets(steps),
        good=sum(step["outcome"] in {"new", "old", "recovered"} for step in steps),
        bench=sum(step["outcome"] == "bench" for step in steps),
        outages=outage_plots.outages(steps),
        timeline=outage_plots.timeline(steps),
        stories=[
            (step["name"], upgrade.story(records or path.parent, step))
            for step in upgrade.chosen(steps)
        ],
        allure=allure,
        reports=reports,
    )
    path.write_text(page, encoding="utf-8")


def budgets(steps: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the longest interruption by each view, for its budget: view and step, measurement."""
    found = []
    for view in VIEWS:
        seen = [(step["name"], step["outage"][view]) for step in steps if step["outage"][view]]
        if seen:
            name, worst = max(seen, key=lambda item: float(item[1]["value_s"]))
            found.append((f"{view.replace('_', ' ')}, {name}", worst))
    return found


def settled(settle: dict[str, Any]) -> str:
    """Show how long a service took to settle, and what it did meanwhile: by traffic, if it saw."""
    seen = settle["traffic"] or settle["counter"]
    if seen is None:
        return "-"
    if not settle["settled"]:
        return f"not within {seen['value_s']:.1f} s"
    if not seen["silences"]:
        return "at once"
    return f"{seen['value_s']:.2f} s, {seen['silences']} more of {seen['silences_s']:.2f} s"


def measured(value: dict[str, Any] | None) -> str:
    """Show a measured outage for a reader: ms below a second, s above."""
    if value is None:
        return "-"
    doubt_s, mark = value["uncertainty_s"], "" if value["verified"] else " (not verified)"
    if not value["value_s"]:
        return f"no loss (resolution {doubt_s * 1e3:.0f} ms){mark}"
    if value["value_s"] < 1.0:
        return f"{value['value_s'] * 1e3:.1f} ± {doubt_s * 1e3:.1f} ms{mark}"
    return f"{value['value_s']:.4f} ± {doubt_s:.4f} s{mark}"
