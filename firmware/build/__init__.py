# SPDX-License-Identifier: MIT
"""Build the stand-in board's software from Debian's sources, cached by content."""
