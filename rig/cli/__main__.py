# SPDX-License-Identifier: MIT
"""`python -m rig.cli`: the same as `rig`."""

import sys

from rig.cli import main

if __name__ == "__main__":
    sys.exit(main())
