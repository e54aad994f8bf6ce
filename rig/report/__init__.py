# SPDX-License-Identifier: MIT
"""From a run's records to what people read: summary.json, index.html, the Allure report."""

__all__ = ["build", "export", "history", "summary", "sweep", "terminal", "verification"]
