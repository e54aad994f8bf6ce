# SPDX-License-Identifier: MIT
"""Check that what a configuration fragment asks for has come to pass."""

import re
from pathlib import Path

from firmware.build.errors import BuildError


def require(fragment: str, config: Path) -> None:
    """Every `CONFIG_X=…` must be in `config`, every `# CONFIG_X is not set` must not be on."""
    have = set(config.read_text().splitlines())
    on = {line.partition("=")[0] for line in have if line.startswith("CONFIG_")}
    lost = []
    for line in (line.strip() for line in fragment.splitlines()):
        off = re.fullmatch(r"# (CONFIG_\w+) is not set", line)
        if (off and off[1] in on) or (line.startswith("CONFIG_") and line not in have):
            lost.append(line)
    if lost:
        raise BuildError(
            f"these lines did not survive in {config.name}, a dependency is missing or their "
            f"name has changed: {'; '.join(lost)}"
        )


def merge(fragment: str, config: Path) -> None:
    """Replace what `config` says of the fragment's names by what the fragment says."""
    names = set(re.findall(r"CONFIG_\w+", fragment))
    lines = config.read_text().splitlines()
    kept = [line for line in lines if not names & set(re.findall(r"CONFIG_\w+", line))]
    config.write_text("\n".join(kept) + "\n" + fragment)
