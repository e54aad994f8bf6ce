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

from rig.board.walnut.updater_lines import EVENTS, LineMender, check_sum, parse
from rig.campaign.follower import PROM_REFUSALS, REFUSALS
from rig.campaign.retelling import COMMAND
from rig.errors import BenchError

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "reference" / "updater-lines.md").read_text()
BOARD = ROOT / "firmware" / "board"
SHARED = BOARD / "rootfs" / "usr" / "lib" / "walnut" / "update"
PROM_SCRIPTS = (BOARD / "walnut-update-prom", SHARED)
ACCEPT = BOARD / "rootfs" / "etc" / "init.d" / "accept"
SCRIPTS = (BOARD / "walnut-update", ACCEPT, *PROM_SCRIPTS)
LINES = BOARD / "rootfs" / "usr" / "lib" / "walnut" / "lines"


PRINTK = "[   61.204417] jffs2: notice: (79) check_node_data: wrong data CRC in data node\r\n"
SAID = "61.20 acceptance done release=2.0.0 slot=b"


def line(said: str, number: int = 1) -> str:
    return f"@WU {check_sum(f'{number} {said}')} {number} {said}"


def taken(console: str) -> list[str]:
    """Return the updater's lines that a console's text has."""
    mender = LineMender()
    return [whole for end in console.splitlines(keepends=True) if (whole := mender.take(end))]


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
        parse(line("1.00 staging danced x=1"), 0.0)


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


def test_what_the_board_says_is_whole_numbered_and_kept(tmp_path: Path) -> None:
    """Board and rig mean the same sum, and the board's file holds what its console got."""
    shell = shutil.which("dash")
    assert shell, "dash is Debian's /bin/sh"
    console, kept = tmp_path / "console", tmp_path / "lines"
    (tmp_path / "uptime").write_text("7.41 1\n")
    places = {"WALNUT_CONSOLE": console, "WALNUT_SAID": kept, "WALNUT_UPTIME": tmp_path / "uptime"}
    script = (
        f'. "{LINES}"; say boot failed reason x; forget_lines; say run start; say run commit slot b'
    )

    environment = {name: str(path) for name, path in places.items()}
    subprocess.run([shell, "-euc", script], check=True, env=environment | {"PATH": "/usr/bin:/bin"})

    events = [parse(whole, 0.0) for whole in taken(console.read_text())]
    assert [(event.number, event.phase, event.event) for event in events] == [
        (1, "boot", "failed"),
        (2, "run", "start"),
        (3, "run", "commit"),
    ]
    assert kept.read_text().splitlines() == console.read_text().splitlines()[1:]


def test_the_board_bears_a_full_run_folder(tmp_path: Path) -> None:
    """An update must not end because its lines cannot be kept."""
    shell = shutil.which("dash")
    assert shell, "dash is Debian's /bin/sh"
    console = tmp_path / "console"
    (tmp_path / "uptime").write_text("7.41 1\n")
    places = {"WALNUT_CONSOLE": console, "WALNUT_UPTIME": tmp_path / "uptime"}
    environment = {name: str(path) for name, path in places.items()}
    environment |= {"WALNUT_SAID": "/nowhere/lines", "PATH": "/usr/bin:/bin"}

    subprocess.run(
        [shell, "-euc", f'. "{LINES}"; forget_lines; say run start'], check=True, env=environment
    )

    assert len(taken(console.read_text())) == 1


def test_the_file_that_the_rig_has_printed_is_the_boards() -> None:
    assert f"SAID=${{WALNUT_SAID:-{COMMAND.removeprefix('cat ')}}}" in LINES.read_text()
    assert f"`{COMMAND}`" in PAGE


@pytest.mark.parametrize("at", range(len(line(SAID)) + 1))
@pytest.mark.parametrize("talk", [PRINTK, "somebody's own words\n"])
def test_a_line_that_others_talk_into_anywhere_is_mended(at: int, talk: str) -> None:
    whole = line(SAID)

    assert taken(whole[:at] + talk + whole[at:] + "\r\n") == [whole]


@pytest.mark.parametrize("talk", [PRINTK, PRINTK + PRINTK])
def test_a_line_that_is_talked_into_twice_is_mended(talk: str) -> None:
    whole = line(SAID)

    assert taken(whole[:2] + talk + whole[2:31] + PRINTK + whole[31:] + "\r\n") == [whole]


def test_talk_without_a_line_end_before_a_line_is_no_part_of_it() -> None:
    assert taken(PRINTK.rstrip() + line(SAID) + "\r\n") == [line(SAID)]


@settings(deadline=None)
@given(st.integers(0, len(line(SAID)) - 1), st.integers(1, 10))
def test_a_line_that_has_lost_bytes_is_broken_and_never_another(at: int, size: int) -> None:
    whole = line(SAID)
    mender = LineMender()

    assert mender.take(whole[:at] + whole[at + size :] + "\r\n") is None
    assert mender.take(line(SAID, number=2) + "\r\n") == line(SAID, number=2)
    assert not mender.broken or mender.broken[0] in whole[:at] + whole[at + size :]


@pytest.mark.parametrize("said", ["61.20 accep", "61.20 staging danced", "nonsense"])
def test_a_broken_line_of_an_earlier_release_is_noted_and_never_fits_or_not(said: str) -> None:
    mender = LineMender()

    assert mender.take(f"@WU {said}\r\n") is None
    assert mender.broken == [f"@WU {said}"]


@pytest.mark.parametrize("at", range(4, len("@WU " + SAID)))
def test_a_line_of_an_earlier_release_is_mended_where_the_kernel_talked(at: int) -> None:
    whole = "@WU " + SAID

    assert taken(whole[:at] + PRINTK + whole[at:] + "\r\n") == [whole]


def test_without_a_sum_only_the_kernels_talk_is_taken_out() -> None:
    """The partner: nothing tells whether somebody else's words belong to it."""
    assert (
        taken("@WU 61.20 accep" + "somebody's own words\n" + "tance done release=2.0.0\r\n") == []
    )
