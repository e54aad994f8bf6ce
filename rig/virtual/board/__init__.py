# SPDX-License-Identifier: MIT
"""The board and what carries its power and its words: QEMU, lines, PDU."""

__all__ = ["board", "lines", "pdu", "power"]
