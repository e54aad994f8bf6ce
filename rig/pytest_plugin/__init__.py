# SPDX-License-Identifier: MIT
"""The front door for tests of one's own: fixtures, the mark `power_cut`, and a run's records."""

__all__ = ["plugin"]
