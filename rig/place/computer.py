# SPDX-License-Identifier: MIT
"""What of this computer makes a first hour with the rig fail; each check says what to do."""

import ctypes
import datetime as dt
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rig import state_folder
from rig.clock import wall_time_s
from rig.drivers.within import within
from rig.errors import RigError
from rig.nights.night import FIRST_S

GIB = 1 << 30
DISK_MIN, DISK_TO_BUILD = 1 * GIB, 4 * GIB  # a night's records; two kernels and their sources
MEMORY_MIN, MEMORY_GOOD = GIB // 2, GIB
ANSWER_S = 5.0
TIME_ERROR = 5  # adjtimex(2): the system clock is not synchronised
LISTENS, INODE = "0A", 9  # of /proc/net/tcp, Linux' Documentation/networking/proc_net_tcp.rst
VERSION_OPTIONS = {"ser2net": "-v"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor's: what was looked at, and what to do; nothing to do: it is well."""

    name: str
    act: str = ""
    fails: bool = True  # else a run succeeds all the same, and is the worse for it

    def __str__(self) -> str:
        return f"{'ok  ' if not self.act else 'BAD ' if self.fails else 'mind'} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a virtual bench needs of a computer: programs and their packages, free ports."""

    tools: Mapping[str, str]
    tcp: Sequence[int]
    udp: Sequence[int]
    up: bool = False  # it has its ports itself
    index: Path


def checks(wanted: Wanted) -> Iterator[Check]:
    """Look at this computer; each look ends within ANSWER_S, or is cheap."""
    for tool, package in wanted.tools.items():
        yield _tool(tool, package)
    yield _firmware(wanted.index)
    yield from _folders()
    yield from _disks(DISK_MIN if wanted.index.exists() else DISK_TO_BUILD)
    yield _memory()
    yield _load()
    yield _clock()
    yield _ports(wanted)


def _tool(tool: str, package: str) -> Check:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(tool, path=path)
    if found is None:
        return Check(name=f"{tool} is there", act=f"`make set-up` installs {package}")
    words = [found, VERSION_OPTIONS.get(tool, "--version")]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_S,
            check=True,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Check(name=f"{tool} runs", act=f"{error}; install {package} again")
    said = (done.stdout or done.stderr).strip().partition("\n")[0]
    return Check(name=f"{tool}: {said}")


def _firmware(index: Path) -> Check:
    if not index.exists():
        act = "`make firmware` in the checkout builds it once: a quarter of an hour, mostly kernels"
        return Check(name="the virtual board's software is built", act=act)
    try:
        document = json.loads(index.read_text(encoding="utf-8"))
        made_of = [f"{name} {version}" for name, version in document["sources"].items()]
        said = f"{len(document['releases'])} releases of {', '.join(made_of)}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        act = f"{index}: {error!r}; `make firmware` writes it anew"
        return Check(name="the virtual board's software is built", act=act)
    return Check(name=f"firmware: {said}")


def _folders() -> Iterator[Check]:
    """Try the folders that the rig writes to, by writing."""
    for what, of, variable in (
        ("its state", state_folder.home, "HOME or XDG_STATE_HOME"),
        ("caches", state_folder.cache, "HOME or XDG_CACHE_HOME"),
        ("temporary files", lambda: Path(tempfile.gettempdir()), "TMPDIR"),
    ):
        name = f"a folder for {what} can be written"
        try:
            folder = of()
            within(ANSWER_S, f"{folder}", "take a file", partial(_write, folder))
        except (OSError, RigError) as error:
            yield Check(name=name, act=f"{error}: have {variable} name one that you may write")
        else:
            yield Check(name=f"{name}: {folder}")


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x")


def _disks(least: int) -> Iterator[Check]:
    seen = set()
    for of in (
        state_folder.home,
        state_folder.cache,
        lambda: Path(tempfile.gettempdir()),
        Path.cwd,
    ):
        with suppress(OSError, RigError):  # a folder that is not there was told above
            folder = of()
            disk = within(ANSWER_S, f"{folder}", "be looked at", folder.stat).st_dev
            if disk in seen:
                continue
            seen.add(disk)
            free = shutil.disk_usage(folder).free
            act = f"free some: {least / GIB:.0f} GiB are needed" if free < least else ""
            yield Check(name=f"{free / GIB:.1f} GiB of disk are free at {folder}", act=act)


def _memory() -> Check:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    (left,) = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    act = "end what takes it: a board takes a quarter of a GiB, a build one" * (left < MEMORY_GOOD)
    return Check(name=f"{left / GIB:.1f} GiB of memory are free", act=act, fails=left < MEMORY_MIN)


def _load() -> Check:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    act = "measure when nothing else runs: a busy computer loses datagrams" * (load > cores)
    return Check(name=f"load {load:.1f} on {cores} cores", act=act, fails=False)


def _clock() -> Check:
    now_s = wall_time_s()
    name = f"the clock says {dt.datetime.fromtimestamp(now_s, dt.UTC):%Y-%m-%d %H:%M} UTC"
    if now_s < FIRST_S:
        return Check(name=name, act="set it: runs are told apart by their dates")
    asks = ctypes.create_string_buffer(512)  # a struct timex of zeros changes nothing
    found = ctypes.CDLL(None).adjtimex(asks)
    if found == TIME_ERROR:
        act = (
            "nobody keeps it in step: `timedatectl set-ntp true`, or chrony; in a container, there"
        )
        return Check(name=name, act=act, fails=False)
    return Check(name=f"{name}, in step" if found >= 0 else name)


def _ports(wanted: Wanted) -> Check:
    name = f"the virtual bench's ports {min(wanted.tcp)} … {max(wanted.tcp)} are free"
    if wanted.up:
        return Check(name="a virtual bench is up on its ports: `rig bench status`")
    kinds = ((wanted.tcp, socket.SOCK_STREAM), (wanted.udp, socket.SOCK_DGRAM))
    taken = [port for ports, kind in kinds for port in ports if not _is_free(port, kind)]
    if not taken:
        return Check(name=name)
    held = ", ".join(f"{port}{_holder(port)}" for port in taken)
    return Check(name=name, act=f"taken: {held}; end that, or give `rig bench up --first-board 2`")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    """Return who has a port, as far as this user may know."""
    inodes = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with suppress(OSError):
            rows = Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]
            fields = [row.split() for row in rows]
            inodes |= {
                row[INODE]
                for row in fields
                if int(row[1].rpartition(":")[2], 16) == port
                and (row[3] == LISTENS or table.startswith("udp"))
            }
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if link.readlink().name.removeprefix("socket:[").removesuffix("]") in inodes:
                process = link.parents[1]
                command = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f" by process {process.name} ({command})"
    return ""
