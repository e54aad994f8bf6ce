# SPDX-License-Identifier: MIT
"""What a board is made of: its releases, its flash, and what it says and understands."""

__all__ = ["catalogue", "flash_map", "kernel_messages", "walnut"]
