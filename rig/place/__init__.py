# SPDX-License-Identifier: MIT
"""One bench position: its file, who may use it, what feeds its board, and whether it is fit."""

__all__ = ["computer", "doctor", "file", "place", "topology"]
