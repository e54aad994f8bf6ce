# SPDX-License-Identifier: MIT
"""Whether a run's numbers are verified, view by view, and why not."""

from collections.abc import Mapping
from typing import Any

OF_VIEW = {"traffic": "traffic", "counter": "counter", "frame_loss": "traffic"}  # its instrument


def is_verified(verification: Mapping[str, Any] | None, view: str) -> bool:
    """Tell whether a view's instrument has shown that its stated uncertainty holds.

    A verification that names no views was of both.
    """
    if not verification or not verification["verified"]:
        return False
    return OF_VIEW[view] in verification.get("views", OF_VIEW.values())


def reason(verification: Mapping[str, Any] | None, instruments: Mapping[str, str]) -> str:
    """Say why numbers of a run with these instruments are not verified; empty: all are."""
    if not verification:
        return "the run does not say whether its instruments were verified"
    if not verification["verified"]:
        return str(verification["reason"])
    used = ("traffic", "counter") if "counter" in instruments else ("traffic",)
    missing = [view for view in used if not is_verified(verification, view)]
    return f"the verification was not of: {', '.join(missing)}" if missing else ""
