#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Install Python packages as tox asks, then make labgrid's pyserial win over the stock one.

Both distributions own the folder `serial/` and overwrite each other; with the stock one every
exchange over RFC 2217 is seven times slower (labgrid issue 1245).  `rig doctor` checks the result.
"""

import subprocess
import sys

PYSERIAL = "pyserial-labgrid==3.5.0.2"


def main() -> int:
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, *sys.argv[1:]], check=True)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", PYSERIAL], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
