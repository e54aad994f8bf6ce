# SPDX-License-Identifier: MIT
"""Where nbdkit finds its plugin: a file that this Python must not import."""

from pathlib import Path

PLUGIN = Path(__file__).with_name("nbd_plugin.py")
