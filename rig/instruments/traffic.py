# SPDX-License-Identifier: MIT
"""The traffic probe: datagrams to the board's service at a fixed rate, and what became of them."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rig.clock import Clock, Deadline, SystemClock
from rig.errors import BenchError
from rig.instruments import traffic_process
from rig.measure import criteria
from rig.measure.uncertainty import Stamps

RECORD = np.dtype(
    [
        ("kind", "u1"),
        ("status", "u1"),
        ("identity", "<u2"),
        ("doubt_us", "<u4"),
        ("sequence", "<u8"),
        ("at_s", "<f8"),
        ("counter", "<u8"),
    ]
)
# Kernel stamps are moved from wall time by a bracket of about a microsecond; the clock is an
# ordinary computer's crystal, and nobody says whether anything disciplines it.
STAMPS = Stamps(resolution_s=1e-6, trigger_s=0.0, time_base=50e-6)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answered; a change of the boot id is a boot."""

    boot_id: str
    release: str
    state_layout: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came back in a span of time, in order of arrival; times on the rig's clock."""

    sequence: NDArray[np.uint64]
    sent_s: NDArray[np.float64]
    received_s: NDArray[np.float64]
    identity: NDArray[np.uint16]  # index into `identities`
    counter: NDArray[np.uint64]
    identities: tuple[Identity, ...]
    offered: int  # datagrams really sent in the span
    lost: int
    duplicates: int
    reordered: int
    late: int
    corrupted: int  # what came and was no answer of ours; the datagram counts as not answered
    stalls: tuple[tuple[float, float], ...]  # the probe's own: it did not send from … to
    blocked: tuple[tuple[float, float], ...]  # of these: the computer refused to
    errors: tuple[int, ...]  # with which errno, the first one first
    restamped: int  # answers whose stamp cannot be, and that are timed by when they were read
    stamp_doubt_s: float  # by how much that may be late
    good: NDArray[np.bool_]

    @property
    def good_s(self) -> NDArray[np.float64]:
        """Arrival times of good answers: the first to their datagram, and in time."""
        return np.sort(self.received_s[self.good])

    @property
    def releases(self) -> tuple[str, ...]:
        """Releases in order of their first answer."""
        seen = dict.fromkeys(self.identity.tolist())
        return tuple(dict.fromkeys(self.identities[index].release for index in seen))


class TrafficProbe:
    """Sends from `start` to `stop`, in a process of its own; its record survives any crash."""

    STAMPS = STAMPS

    def __init__(
        self,
        host: str,
        port: int,
        rate_hz: float = 1000.0,
        *,
        clock: Clock | None = None,
        directory: Path | None = None,
    ) -> None:
        self.address = (host, port)
        self.rate_hz = rate_hz
        self._clock = clock or SystemClock()
        self._directory = directory
        self._process: subprocess.Popen[str] | None = None
        self._records = np.empty(0, dtype=RECORD)
        self._read_bytes = 0
        self._begin_s = 0.0
        self.path = Path()
        self.late_s = criteria.late_s(1.0 / rate_hz)  # an answer that took longer is impaired

    @property
    def period_s(self) -> float:
        return 1.0 / self.rate_hz

    def identity(self) -> str:
        host, port = self.address
        return f"rig traffic probe, {self.rate_hz:g}/s to {host}:{port}, kernel time stamps"

    def start(self) -> None:
        """Start sending.

        Raises:
            BenchError: the process did not start.
        """
        directory = self._directory or Path(tempfile.mkdtemp(prefix="rig-traffic-"))
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "traffic.rec"
        self.path.unlink(missing_ok=True)
        host, port = self.address
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", traffic_process.__name__),
                *(host, str(port), str(self.rate_hz), str(self.path)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the rig, which then stops us
        )
        deadline = Deadline.after(self._clock, 10.0)
        while not self._records.size:
            self.check()
            if deadline.passed:
                raise BenchError("the traffic probe wrote no record within 10 s")
            self._clock.sleep(0.01)
            if self.path.exists():
                self._read()
        self._begin_s = float(self._records["at_s"][0])

    def stop(self) -> None:
        """Stop sending; what was recorded can still be read."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        self._read()

    def check(self) -> None:
        """Make sure that the probe is alive.

        Raises:
            BenchError: it has ended, for instance because the disk is full.
        """
        if self._process is not None and self._process.poll() is not None:
            _, said = self._process.communicate()
            code, self._process = self._process.returncode, None
            last = said.strip().splitlines()[-1:] or ["nothing"]
            raise BenchError(f"the traffic probe ended with code {code}; it said: {last[0]}")

    def mark(self) -> float:
        """Return the time now, for `since`."""
        return self._clock.now()

    def since(self, from_s: float, until_s: float = float("inf")) -> Answers:
        """Return what became of the datagrams that were due from `from_s` until `until_s`.

        Raises:
            BenchError: the probe has ended by itself.
        """
        self.check()
        self._read()
        return digest(
            self._records,
            self._begin_s,
            self.period_s,
            (from_s, until_s),
            self._identities(),
            self.late_s,
        )

    def forget(self, before_s: float) -> None:
        """Keep no record of datagrams from before; the file keeps them all."""
        self._records = self._records[self._records["at_s"] >= before_s]

    def _read(self) -> None:
        """Read what was appended to the record; a half-written entry waits for the next time."""
        with self.path.open("rb") as file:
            file.seek(self._read_bytes)
            data = file.read()
        whole = len(data) - len(data) % RECORD.itemsize
        self._read_bytes += whole
        fresh = np.frombuffer(data[:whole], dtype=RECORD)
        if fresh.size:
            self._records = np.concatenate((self._records, fresh))

    def _identities(self) -> tuple[Identity, ...]:
        lines = self.path.with_suffix(".identities").read_text(encoding="utf-8").splitlines()
        return tuple(Identity(*json.loads(line)) for line in lines)


def digest(
    records: NDArray[np.void],
    begin_s: float,
    period_s: float,
    span_s: tuple[float, float],
    identities: tuple[Identity, ...],
    late_s: float,
) -> Answers:
    """Sort a record into answers, losses and impairments; pure."""
    from_s, until_s = span_s
    failed = records[records["kind"] == traffic_process.FAILED]
    progress = records[records["kind"] == traffic_process.PROGRESS]
    sent_last = int(progress["sequence"][-1]) if progress.size else -1
    first = max(0, int(np.ceil((from_s - begin_s) / period_s)))
    last = min(
        sent_last, int((until_s - begin_s) / period_s) if np.isfinite(until_s) else sent_last
    )

    answers = records[records["kind"] == traffic_process.ANSWER]
    numbers = answers["sequence"].astype(np.int64)
    inside = (numbers >= first) & (
        numbers <= max(last, sent_last) if until_s == np.inf else numbers <= last
    )
    answers, numbers = answers[inside], numbers[inside]
    sent_s = begin_s + numbers * period_s
    received_s = answers["at_s"].copy()
    _, places = np.unique(numbers, return_index=True)
    original = np.zeros(numbers.size, dtype=np.bool_)
    original[places] = True
    late = original & (received_s - sent_s > late_s)
    highest = np.maximum.accumulate(numbers) if numbers.size else numbers

    unsent = _unsent(
        records[np.isin(records["kind"], (traffic_process.SKIPPED, traffic_process.FAILED))],
        first,
        last,
    )
    offered = max(0, last - first + 1) - sum(to - at for at, to in unsent)
    refused = (failed["sequence"] >= first) & (failed["sequence"] <= last)
    corrupt = records["at_s"][records["kind"] == traffic_process.CORRUPT]
    doubt_s = answers["doubt_us"] * 1e-6
    return Answers(
        sequence=answers["sequence"].copy(),
        sent_s=sent_s,
        received_s=received_s,
        identity=answers["identity"].copy(),
        counter=answers["counter"].copy(),
        identities=identities,
        offered=offered,
        lost=max(0, offered - int(np.count_nonzero(original & (numbers <= last)))),
        duplicates=int(np.count_nonzero(~original)),
        reordered=int(np.count_nonzero(original & (numbers < highest))),
        late=int(np.count_nonzero(late)),
        corrupted=int(np.count_nonzero((corrupt >= from_s) & (corrupt <= until_s))),
        stalls=_times(unsent, begin_s, period_s),
        blocked=_times(_unsent(failed, first, last), begin_s, period_s),
        errors=tuple(dict.fromkeys(failed["status"][refused].tolist())),
        restamped=int(np.count_nonzero(doubt_s)),
        stamp_doubt_s=float(doubt_s.max(initial=0.0)),
        good=original & ~late,
    )


def stalls_of(path: Path, period_s: float, from_s: float) -> tuple[tuple[float, float], ...]:
    """Return from when to when a probe did not send, by its record on disk, since `from_s`."""
    records = np.fromfile(path, dtype=RECORD)
    begin_s = float(records["at_s"][0])
    missed = np.isin(records["kind"], (traffic_process.SKIPPED, traffic_process.FAILED))
    first = max(0, int((from_s - begin_s) / period_s))
    runs = _unsent(records[missed], first, int(np.iinfo(np.int64).max) - 1)
    return _times(runs, begin_s, period_s)


def _unsent(records: NDArray[np.void], first: int, last: int) -> list[tuple[int, int]]:
    """Return the runs of numbers that were not sent, from … to just before, in `first` … `last`."""
    starts = np.maximum(records["sequence"].astype(np.int64), first)
    ends = np.minimum((records["sequence"] + records["counter"]).astype(np.int64), last + 1)
    inside = starts < ends
    starts, ends = starts[inside], ends[inside]
    apart = starts[1:] > ends[:-1]
    return list(
        zip(
            starts[np.concatenate(([True], apart))].tolist() if starts.size else (),
            ends[np.concatenate((apart, [True]))].tolist() if ends.size else (),
            strict=True,
        )
    )


def _times(
    runs: list[tuple[int, int]], begin_s: float, period_s: float
) -> tuple[tuple[float, float], ...]:
    """Return from when to when those numbers were due."""
    return tuple((begin_s + at * period_s, begin_s + to * period_s) for at, to in runs)


if __name__ == "__main__":
    sys.exit(traffic_process.main())
