# SPDX-License-Identifier: MIT
"""`python -m rig.virtual`: the same as `rig bench`."""

import argparse
import sys

from rig.errors import RigError
from rig.virtual import commands


def run() -> int:
    parser = argparse.ArgumentParser(prog="rig bench", description=commands.__doc__)
    commands.add_arguments(parser)
    try:
        return commands.main(parser.parse_args())
    except RigError as error:
        print(f"error ({error.who} must act): {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code


if __name__ == "__main__":
    sys.exit(run())
