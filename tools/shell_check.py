#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run shellcheck over every tracked shell script, found by its first line."""

import subprocess
import sys
from pathlib import Path


def is_shell(path: Path) -> bool:
    if not path.is_file() or path.is_symlink():
        return False
    with path.open("rb") as script:
        first = script.readline()
    return first.startswith(b"#!") and first.rstrip().split(b"/")[-1] in {b"sh", b"env sh"}


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    )
    names = [Path(name.decode()) for name in listed.stdout.split(b"\0") if name]
    scripts = [str(path) for path in names if is_shell(path)]
    if not scripts:
        print("shell-check: no shell script found; that cannot be", file=sys.stderr)
        return 1
    return subprocess.run(["shellcheck", "--severity=style", *scripts], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
