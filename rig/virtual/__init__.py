# SPDX-License-Identifier: MIT
"""The virtual bench: real U-Boot and Linux in QEMU, with lab equipment around them."""

__all__ = ["board", "commands", "control", "endpoints", "instruments"]
