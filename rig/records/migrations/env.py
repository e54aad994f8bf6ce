# SPDX-License-Identifier: MIT
"""Alembic runs this: the connection is database.py's, and so is the transaction."""

from alembic import context

from rig.records.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
)
context.run_migrations()
