# SPDX-License-Identifier: MIT
"""`rig gate`: whether the newest run got worse than those before."""

import argparse

from rig.cli import history
from rig.errors import BENCH, GOOD, PRODUCT, UsageError

HELP = "did the newest run get worse than those before?"
BASELINE = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    history.add_arguments(parser)
    text = f"runs (default {BASELINE})"
    parser.add_argument("--baseline", type=int, default=BASELINE, metavar="N", help=text)


def run(arguments: argparse.Namespace) -> int:
    """Judge the newest run; the exit code says who must act."""
    from rig.nights.regression import BASELINE_MIN, judge_nights  # noqa: PLC0415 # scipy is slow

    if arguments.baseline < BASELINE_MIN:
        raise UsageError(f"--baseline is at least {BASELINE_MIN} runs, not {arguments.baseline}")
    found, undated = history.nights_of(arguments)
    found = found[-arguments.baseline - 1 :]
    judgement = judge_nights(found, arguments.alpha, undated)
    history.show(arguments.to, found, undated, judgement)
    return {"good": GOOD, "product": PRODUCT, "bench": BENCH}[judgement.verdict]
