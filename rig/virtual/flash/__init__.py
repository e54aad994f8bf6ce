# SPDX-License-Identifier: MIT
"""The NOR flash: cells, operations, history, and the ways to QEMU."""

__all__ = ["cells", "nbd_plugin_path", "nor_flash", "qemu_copy"]
