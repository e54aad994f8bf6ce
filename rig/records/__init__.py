# SPDX-License-Identifier: MIT
"""The tables of a run, docs/reference/records.md: one schema for SQLite and PostgreSQL."""

from rig.records.database import Database

__all__ = ["Database", "copies", "plain", "rows", "run", "schema"]
