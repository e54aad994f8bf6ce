# SPDX-License-Identifier: MIT
"""What a measured value is: its doubt, the limit it is held against, what many allow to claim."""

__all__ = ["criteria", "limits", "measurement", "statistics", "uncertainty"]
