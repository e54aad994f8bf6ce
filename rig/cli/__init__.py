# SPDX-License-Identifier: MIT
"""The `rig` command: one module a command, and pytest that carries it out."""

from rig.cli.command import main

__all__ = ["main", "pytest_run", "verify"]
