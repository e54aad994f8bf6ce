# SPDX-License-Identifier: MIT
"""The rig: moves boards between releases, breaks them on purpose, measures the outage."""
