# SPDX-License-Identifier: MIT
"""The NOR flash: cells, operations, history, and the ways to QEMU."""
