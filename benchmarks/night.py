# SPDX-License-Identifier: MIT
"""Reports of a night of 2000 trials: at most 30 s and 10 MB.  Needs no bench.

.venv/bin/python benchmarks/night.py [--trials N]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rig.report import build  # noqa: E402 # found through the line above
from rig.results import Results  # noqa: E402
from tests.unit.recorded import record_into  # noqa: E402

LIMIT_S, LIMIT_MB = 30.0, 10.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "night"
        began_s = time.monotonic()
        results = Results.create(folder / "results.sqlite", place="virtual", command="night")
        record_into(results, trials).close()
        recorded_s = time.monotonic() - began_s
        began_s = time.monotonic()
        build(folder, print, allure=False)
        took_s = time.monotonic() - began_s
        size_mb = (folder / "index.html").stat().st_size / 1e6
        file_mb = (folder / "results.sqlite").stat().st_size / 1e6
    print(
        f"{trials} trials: recorded in {recorded_s:.1f} s ({recorded_s / trials * 1e3:.1f} ms each)"
    )
    print(f"  reports     {took_s:6.1f} s   (limit {LIMIT_S:.0f} s)")
    print(f"  index.html  {size_mb:6.2f} MB  (limit {LIMIT_MB:.0f} MB); records {file_mb:.1f} MB")
    return 0 if took_s <= LIMIT_S and size_mb <= LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
