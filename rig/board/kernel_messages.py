# SPDX-License-Identifier: MIT
"""The kernel's messages on a console that it shares with others."""

import re

# One message, up to its line end.  The kernel writes it to the UART in one go, into the middle of
# whatever else is on its way out (Linux, kernel/printk/printk.c, console_emit_next_record).
PRINTK = r"\[ *\d+\.\d{6}\][^\r\n]*\r*\n"


def without_printk(said: str) -> str:
    """Take out the kernel's messages, and join what they broke apart."""
    return re.sub(PRINTK, "", said)
