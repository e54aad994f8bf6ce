# SPDX-License-Identifier: MIT
"""Page, board and rig agree on the console lines."""

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rig.errors import BenchError
from rig.upgrade import EVENTS, PROM_REFUSALS, REFUSALS, parse

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "updater-lines.md").read_text()
BOARD = ROOT / "firmware" / "board"
SHARED = BOARD / "rootfs" / "usr" / "lib" / "walnut" / "update"
PROM_SCRIPTS = (BOARD / "walnut-update-prom", SHARED)
ACCEPT = BOARD / "rootfs" / "etc" / "init.d" / "accept"
SCRIPTS = (BOARD / "walnut-update", ACCEPT, *PROM_SCRIPTS)
LINES = BOARD / "rootfs" / "usr" / "lib" / "walnut" / "lines"


def of_the_page() -> set[tuple[str, str]]:
    return set(re.findall(r"^\| `([a-z]+)` \| `([a-z]+)` \|", PAGE, re.MULTILINE))


def of_the_board() -> set[tuple[str, str]]:
    text = "\n".join(script.read_text() for script in SCRIPTS)
    said = set(re.findall(r"\bsay ([a-z]+) '?([a-z]+)\b", text))
    said |= {(phase, "failed") for phase in re.findall(r"\bfail ([a-z]+) \S", text)}
    return said


def reasons_of_the_page(phase: str) -> set[str]:
    listed = PAGE.split(f"Reasons of `{phase} refused`:")[1].split("\n\n")[0]
    return set(re.findall(r"`([a-z-]+)` \(", listed)) | set(re.findall(r"`([a-z-]+)`,", listed))


def test_the_board_prints_what_the_page_says_and_nothing_else() -> None:
    assert of_the_board() == of_the_page()


def test_the_rig_knows_what_the_page_says_and_nothing_else() -> None:
    assert {(phase, event) for phase, events in EVENTS.items() for event in events} == of_the_page()


def test_reasons_of_refusals_are_the_same_on_all_three_sides() -> None:
    board = set(re.findall(r"\brefuse ([a-z-]+) ", SCRIPTS[0].read_text()))
    assert board == REFUSALS == reasons_of_the_page("staging")


def test_reasons_to_refuse_a_prom_are_the_same_on_all_three_sides() -> None:
    text = "\n".join(script.read_text() for script in PROM_SCRIPTS)
    board = set(re.findall(r"\brefuse ([a-z-]+) ", text))
    assert board == PROM_REFUSALS == reasons_of_the_page("prom")


def test_steps_of_a_prom_update_are_those_of_the_page() -> None:
    (listed,) = re.findall(r"\| `prom` \| `progress` .*?\| `step` is (.*?) \|", PAGE)
    text = PROM_SCRIPTS[0].read_text()
    (looped,) = re.findall(r"for action in ([a-z ]+);", text)
    said = set(re.findall(r"progress step ([a-z]+)", text)) | set(looped.split())
    assert said == set(re.findall(r"`([a-z]+)`", listed))


def test_an_unknown_event_means_that_rig_and_firmware_do_not_fit() -> None:
    with pytest.raises(BenchError, match="do not fit"):
        parse("@WU 1.00 staging danced x=1", 0.0)


def test_text_before_the_mark_is_not_part_of_the_line() -> None:
    event = parse("walnut login: @WU 0.51 boot up release=2.0.0 pending=1", 7.0)
    assert (event.phase, event.event, event.uptime_s, event.seen_at_s) == ("boot", "up", 0.51, 7.0)
    assert event.keys == {"release": "2.0.0", "pending": "1"}


@settings(deadline=None, max_examples=25)  # each starts a shell
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
@example("kernel 6.1, modules = 100 %")
def test_whatever_the_board_says_reads_back(value: str) -> None:
    shell = shutil.which("dash")
    assert shell, "dash is Debian's /bin/sh"
    script = f'. "{LINES}"; encode "$1"'
    done = subprocess.run([shell, "-c", script, "sh", value], check=True, capture_output=True)
    encoded = done.stdout.decode("ascii")
    assert not set(encoded) & set(" =\n\r\t")
    assert unquote(encoded, errors="strict") == value
