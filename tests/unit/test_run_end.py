# SPDX-License-Identifier: MIT
"""Two runs that start in the same second have a folder each."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rig.run_end import new_folder


def test_no_two_runs_have_one_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: new_folder(tmp_path / "reports"), range(24)))

    assert len(set(folders)) == 24
    assert all(folder.is_dir() for folder in folders)
