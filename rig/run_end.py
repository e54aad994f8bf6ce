# SPDX-License-Identifier: MIT
"""What a run of pytest leaves for the command that started it."""

RECORD_TO = "WALNUT_RECORD_TO"  # environment: DSN of a lab's server that runs are copied to
ERROR_FILE = "error.json"  # the last error of the rig's own in a run
ON_FILE = "board-on.json"  # the same, of a board that nothing switched off
