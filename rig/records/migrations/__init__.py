# SPDX-License-Identifier: MIT
"""Alembic's folder: each file of versions/ takes the tables one number further."""
