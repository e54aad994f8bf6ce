# SPDX-License-Identifier: MIT
"""The Walnut's own words: its service, its updater, its boot loader's variables."""

__all__ = ["boot_environment", "service", "updater_lines"]
