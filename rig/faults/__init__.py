# SPDX-License-Identifier: MIT
"""What is broken on purpose, what a good board does then, and how it may come out."""

__all__ = ["expectations", "outcome", "plan"]
