# SPDX-License-Identifier: MIT
"""The updater itself, under this computer's BusyBox: what it refuses, and that it can accept."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.campaign.follower import REFUSALS

ROOT = Path(__file__).resolve().parents[3]
BOARD = ROOT / "firmware" / "board"
OUT = ROOT / "firmware" / "out"
LIMIT_S = 30.0
BUSYBOX = shutil.which("busybox")
# What the updater asks of the board, answered by two-line scripts.
STUBS = {
    "fw_printenv": "echo 0",
    "fw_setenv": 'cat >"$COMMITTED"',
    "walnut-state": 'echo "$STATE"',
    "walnut-flash": 'echo "$1" >>"$WROTE"; [ "$1" != "$FAILS" ] || exit 1; echo 100',
    "reboot": 'echo "reboot $*" >>"$ENDED"',
    "ip": 'echo "ip $*" >>"$ENDED"; for p in "$WALNUT_PROC"/*; do\n'
    'read -r _ _ state _ <"$p/stat" && echo "${p##*/} $state" >>"$ENDED.states"\n'
    "done 2>/dev/null; exit 0",
    "mount": "exit 0",
    "flock": "exit 0",  # Debian's BusyBox has none
    # The server's length is on the first line that the updater looks for.
    "wget": 'case $* in *--spider*) echo "  Content-Length: $(stat -c %s "$BUNDLE")";;\n'
    '*) cp "$BUNDLE" bundle.tar;; esac',
}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of BusyBox' applets, the stubs and the real walnut-fit."""
    assert BUSYBOX, "tools/packages.txt has busybox"
    folder = tmp_path_factory.mktemp("tools")
    subprocess.run([BUSYBOX, "--install", "-s", str(folder)], check=True)
    walnutd = BOARD / "walnutd"
    make = ["make", "-C", str(walnutd), "host", "CC=gcc", f"OUT={folder}"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    (folder / "walnut-fit").symlink_to("walnutd-host")
    for name, body in STUBS.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(f"#!{BUSYBOX} sh\n{body}\n")
        (folder / name).chmod(0o755)
    return folder


def release(kernel: str) -> str:
    values = {"RELEASE": "1.0.0", "BOARD": "walnut-ppce500", "ARCH": "powerpc"}
    values |= {"STATE_LAYOUT": "1", "STATE_LAYOUT_MIN": "1", "KERNEL": kernel}
    return "".join(f"{key}={value}\n" for key, value in values.items())


class Updater:
    """One board of files; `run` offers a bundle and returns exit code and lines."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder, self.tools = folder, tools
        texts = {"release": release("6.1.0"), "cmdline": "walnut.slot=a\n", "uptime": "1.00 1\n"}
        texts["mtd"] = 'mtd4: 00600000 00010000 "slot-a"\nmtd5: 00600000 00010000 "slot-b"\n'
        for name, text in texts.items():
            (folder / name).write_text(text)

    def run(self, bundle: Path, state: str = "layout=1", fails: str = "") -> tuple[int, str]:
        folder = self.folder
        (folder / "console").write_text("")
        names = ("release", "cmdline", "uptime", "mtd", "console", "lock", "work", "said")
        places = {f"WALNUT_{name.upper()}": str(folder / name) for name in names}
        places |= {"WALNUT_LIB": str(BOARD / "rootfs/usr/lib/walnut"), "WALNUT_DEV": "/dev"}
        others = {"BUNDLE": str(bundle), "WROTE": str(folder / "wrote"), "STATE": state}
        others |= {"FAILS": fails, "COMMITTED": str(folder / "committed")}
        others |= {"ENDED": str(folder / "ended"), "WALNUT_PROC": str(folder / "proc")}
        done = subprocess.run(
            [str(self.tools / "sh"), str(BOARD / "walnut-update"), "http://server/bundle.tar"],
            check=False,
            env={**places, **others, "PATH": str(self.tools), "TMPDIR": str(folder)},
            timeout=LIMIT_S,
            capture_output=True,
            text=True,
        )
        return done.returncode, (folder / "console").read_text() + done.stderr

    @property
    def wrote(self) -> bool:
        return (self.folder / "wrote").exists()


@pytest.fixture
def updater(tmp_path: Path, tools: Path) -> Updater:
    return Updater(tmp_path, tools)


def index() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((OUT / "index.json").read_text())
    return document


def test_every_bad_bundle_is_refused_for_its_reason_and_nothing_is_written(
    updater: Updater,
) -> None:
    bad = index()["bundles"]
    seen = {}
    for name, entry in bad.items():
        code, said = updater.run(OUT / entry["bundle"])
        reasons = re.findall(r"staging refused reason=(\S+)", said)
        seen[name] = ",".join(reasons) if code == 3 and not updater.wrote else f"{code}: {said}"
    assert seen == {name: entry["expect"] for name, entry in bad.items()}


def test_the_corpus_is_large_and_each_reason_is_one_the_rig_knows() -> None:
    bad = index()["bundles"]
    reasons = {entry["expect"] for entry in bad.values()}
    assert len(bad) >= 45
    assert len({entry["bundle"] for entry in bad.values()}) == len(bad)
    assert len({entry["bundle_sha256"] for entry in bad.values()}) >= len(bad) - 1
    assert reasons == REFUSALS - {"busy"}, "busy is about the board, not about a bundle"


@pytest.mark.parametrize("name", ["1.0.0", "1.1.0", "2.0.0", "2.1.0"])
def test_every_release_is_accepted_and_committed_last(updater: Updater, name: str) -> None:
    """The partner: an updater that refuses everything would pass the test above."""
    code, said = updater.run(OUT / index()["releases"][name]["bundle"])
    assert code == 0, said
    assert (updater.folder / "wrote").read_text().split() == ["erase", "write", "verify"]
    assert re.search(r"staging done slot=b\n.* run start\n.* run commit slot=b\n", said)
    ended = (updater.folder / "ended").read_text().splitlines()
    assert ended == ["ip link set eth0 down", "reboot -f"], "a link that is up can hang Linux"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Start two processes that /proc has under these names; return their numbers."""
    sleep = shutil.which("sleep")
    assert sleep
    proc = tmp_path / "proc"
    proc.mkdir()
    running = {}
    for name in ("walnutd", "udhcpc"):
        (tmp_path / name).symlink_to(sleep)
        running[name] = subprocess.Popen([tmp_path / name, "60"])
        number = str(running[name].pid)
        (proc / number).symlink_to(Path("/proc") / number)
    yield {name: str(process.pid) for name, process in running.items()}
    for process in running.values():
        process.kill()
        process.wait()


def states_at_link_down(folder: Path) -> dict[str, str]:
    """Return the state of each process, ps(1)'s letter, at the moment at which the link goes."""
    lines = (folder / "ended.states").read_text().splitlines()
    return dict(line.split() for line in lines)


def test_the_service_is_stopped_before_its_link_goes_down(
    updater: Updater, services: dict[str, str]
) -> None:
    """Or its heartbeat would outlive its answers by what a link takes to go down."""
    assert updater.run(OUT / index()["releases"]["2.0.0"]["bundle"])[0] == 0
    states = states_at_link_down(updater.folder)
    assert states[services["walnutd"]] == "T"
    assert states[services["udhcpc"]] in {"R", "S"}, "nothing else is stopped"


def fall_silent(folder: Path, tools: Path | str) -> dict[str, str]:
    """Run what init runs before a restart; return each process' state when the link went."""
    ended = folder / "ended"
    places = {"WALNUT_LIB": str(BOARD / "rootfs/usr/lib/walnut"), "ENDED": str(ended)}
    places |= {"WALNUT_PROC": str(folder / "proc"), "PATH": str(tools)}
    script = [str(BUSYBOX), "sh", str(BOARD / "rootfs/etc/init.d/down")]
    subprocess.run(script, check=True, env=places, timeout=LIMIT_S)
    assert ended.read_text() == "ip link set eth0 down\n"
    return states_at_link_down(folder)


def test_a_restart_that_init_makes_falls_silent_too(
    tmp_path: Path, tools: Path, services: dict[str, str]
) -> None:
    assert "::shutdown:/etc/init.d/down\n" in (BOARD / "rootfs/etc/inittab").read_text()
    assert fall_silent(tmp_path, tools)[services["walnutd"]] == "T"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Path]:
    """Start a process that /proc calls walnutd; its `stat` is for the test to make."""
    running = subprocess.Popen(["sleep", "60"])
    entry = tmp_path / "proc" / str(running.pid)
    entry.mkdir(parents=True)
    (entry / "comm").write_text("walnutd\n")
    yield entry
    running.kill()
    running.wait()


def test_the_link_waits_for_a_service_that_takes_its_signal_late(
    tmp_path: Path, tools: Path, process: Path
) -> None:
    """A signal is taken when the process next runs: on a busy computer that is not at once."""
    stat = process / "stat"
    stat.write_text("1 (walnutd) R 1\n")
    slow = tmp_path / "slow"
    slow.mkdir()
    body = f'echo x >>waits; [ "$(wc -l <waits)" -lt 3 ] || echo "1 (walnutd) T 1" >{stat}'
    (slow / "usleep").write_text(f"#!{tools}/sh\ncd {slow}\n{body}\n")
    (slow / "usleep").chmod(0o755)

    states = fall_silent(tmp_path, f"{slow}:{tools}")

    assert states == {process.name: "T"}
    assert (slow / "waits").read_text().split() == ["x"] * 3


def test_a_service_that_cannot_stop_does_not_hold_the_restart(
    tmp_path: Path, tools: Path, process: Path
) -> None:
    """It sits in the driver's write, which no signal ends."""
    (process / "stat").write_text("1 (walnutd) D 1\n")

    assert fall_silent(tmp_path, tools) == {process.name: "D"}


@pytest.mark.parametrize("step", ["erase", "write", "verify"])
def test_a_slot_that_the_flash_did_not_take_is_never_committed(updater: Updater, step: str) -> None:
    bundle = OUT / index()["releases"]["2.0.0"]["bundle"]

    code, said = updater.run(bundle, fails=step)

    assert (code, "staging failed reason=" + step in said) == (4, True), said
    assert not (updater.folder / "committed").exists()
    assert updater.run(bundle)[0] == 0
    assert (updater.folder / "committed").exists(), "the partner: it would have been seen"


@pytest.mark.parametrize(
    ("state", "name", "refused"),
    [
        ("layout=1", "2.1.0", False),
        ("layout=2", "2.1.0", False),
        ("layout=2", "2.0.0", True),
        ("layout=3", "2.1.0", True),
        ("absent", "2.0.0", False),
        ("corrupt", "2.0.0", True),
    ],
)
def test_a_release_that_cannot_read_the_state_is_refused(
    updater: Updater, state: str, name: str, refused: bool
) -> None:
    code, said = updater.run(OUT / index()["releases"][name]["bundle"], state)
    assert (code, "reason=state" in said) == ((3, True) if refused else (0, False)), said
    assert updater.wrote is not refused
