# SPDX-License-Identifier: MIT
"""Steps on one place: upgrades, resets and what does not fit, each broken as planned and judged."""

__all__ = [
    "board",
    "body_cut",
    "campaign",
    "cutter",
    "failure",
    "flash_planter",
    "follower",
    "injector",
    "mismatch",
    "own_event",
    "reinstall",
    "reset",
    "step",
]
