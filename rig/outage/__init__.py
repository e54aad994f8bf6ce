# SPDX-License-Identifier: MIT
"""How long the service was gone: what instruments saw of an event, as figures with their doubt."""

__all__ = [
    "current",
    "estimate",
    "event",
    "gaps",
    "heartbeat",
    "measure_event",
    "observers",
    "raw_times",
    "result",
    "supply_watch",
    "watch",
    "witness",
]
