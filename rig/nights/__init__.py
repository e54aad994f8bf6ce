# SPDX-License-Identifier: MIT
"""A night held against the nights before: what got worse, what is missing, since when."""

__all__ = ["history", "night", "regression"]
