# SPDX-License-Identifier: MIT
"""A place file with a mistake is refused by file and key."""

from pathlib import Path

import pytest

from rig.errors import UsageError
from rig.place_file import check, require

PLACES = Path(__file__).resolve().parents[2] / "places"
VIRTUAL = (PLACES / "virtual.yaml").read_text()


@pytest.mark.parametrize("name", ["virtual.yaml", "walnut-1.yaml"])
def test_our_own_places_are_good(name: str) -> None:
    assert check(PLACES / name) == []


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("port: 29107", "prot: 29107", "targets.main.resources.BoardService.prot: unknown key"),
        ("port: 29107", "port: many", "targets.main.resources.BoardService.port: 'many'"),
        ("PromDriver:", "PromDrivr:", "unknown 'PromDrivr'; did you mean 'PromDriver'?"),
        ("targets:", "tragets:", "tragets: unknown key 'tragets'; did you mean 'targets'?"),
        ("      SerialDriver: {}\n", "", "targets.main has no SerialDriver"),
        ("speed: 115200}", "speed: 115200", "not YAML"),
        ("deadline_s: 10.0", "deadline_s: soon", "CheckedPowerDriver.deadline_s: 'soon'"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(
    tmp_path: Path, good: str, bad: str, complaint: str
) -> None:
    assert good in VIRTUAL
    path = tmp_path / "place.yaml"
    path.write_text(VIRTUAL.replace(good, bad))
    with pytest.raises(UsageError) as refused:
        require(path)
    assert complaint in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert check(tmp_path / "no.yaml") == [f"{tmp_path / 'no.yaml'}: No such file or directory"]
