# SPDX-License-Identifier: MIT
"""Every cut that an update can meet: which there are, made for real or recalled, and judged."""

__all__ = [
    "clock_worker",
    "exercise",
    "key",
    "operation_worker",
    "operations",
    "point",
    "preview",
    "real_cut",
    "records",
    "replay",
    "strata",
]
