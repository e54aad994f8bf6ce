# SPDX-License-Identifier: MIT
"""Schema 2: tables for SQLite and PostgreSQL alike.

It is today's schema.py.  Who writes 0003 freezes that module's tables of before here.
"""

from alembic import op

from rig.records.schema import metadata

revision = "0002"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    metadata.create_all(op.get_bind())
