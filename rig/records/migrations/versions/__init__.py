# SPDX-License-Identifier: MIT
"""One file for each number of the schema; format 1 had none, see format_1.py."""
