# SPDX-License-Identifier: MIT
"""Which of the two views of an outage is quoted, and why."""

from typing import Any

from rig.outage.result import Agreement

AGREE = "smaller uncertainty"
ALONE = "nothing else watched"
UNCLEAR = "they do not agree, see both"


def quoted(outage: dict[str, Any]) -> dict[str, Any] | None:
    """Return view and reason for an outage of summary.json; None when nothing was measured.

    The view is None where both must be shown.
    """
    traffic, counter = outage["traffic"], outage["counter"]
    if traffic is None:
        return None
    if counter is None:
        return {"view": "traffic", "why": ALONE}
    if outage["agreement"] != Agreement.agree:
        return {"view": None, "why": UNCLEAR}
    better = counter["uncertainty_s"] < traffic["uncertainty_s"]
    return {"view": "counter" if better else "traffic", "why": AGREE}
