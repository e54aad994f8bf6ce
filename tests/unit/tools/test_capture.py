# SPDX-License-Identifier: MIT
"""What a run states is held against a packet capture that knows nothing of the rig."""

import json
import socket
from pathlib import Path
from typing import Any

import dpkt
import numpy as np
import pytest

from rig.board.walnut.service import ANSWER, ANSWER_MAGIC, pack_echo
from tools.capture import CLOCK, compare, read

PORT, CLIENT = 29107, 40000
WALL_S = 1_700_000_000.0
OUT = (2.0, 3.5)
PERIOD_S = 1e-3


def frame(source: int, target: int, data: bytes) -> bytes:
    host = socket.inet_aton("127.0.0.1")
    udp = dpkt.udp.UDP(sport=source, dport=target, data=data)
    udp.ulen = len(udp)
    packet = dpkt.ip.IP(src=host, dst=host, p=dpkt.ip.IP_PROTO_UDP, data=udp)
    packet.len = len(packet)
    return bytes(dpkt.ethernet.Ethernet(data=packet))


def answer(number: int) -> bytes:
    return ANSWER.pack(ANSWER_MAGIC, 0, 0, 1, number, 0, 0, 0, 0, 0, b"", b"")


def capture(folder: Path, late_s: float = 0.0) -> Path:
    """Write a capture of 5 s; for `late_s` the board first answers what had queued up."""
    file = folder / "service.pcap"
    with file.open("wb") as stream:
        writer = dpkt.pcap.Writer(stream, nano=True)
        for number in range(5_000):
            at_s = number * PERIOD_S
            writer.writepkt(frame(CLIENT, PORT, pack_echo(number)), ts=WALL_S + at_s)
            if not OUT[0] <= at_s < OUT[1]:
                writer.writepkt(frame(PORT, CLIENT, answer(number)), ts=WALL_S + at_s + 2e-4)
            elif OUT[1] - late_s <= at_s + 0.5:
                back_s = min(OUT[1], at_s + 0.5)
                if late_s and back_s < OUT[1]:
                    writer.writepkt(frame(PORT, CLIENT, answer(number)), ts=WALL_S + back_s)
    clock = {"begin_s": WALL_S, "end_s": WALL_S}
    file.with_name(file.name + CLOCK).write_text(json.dumps(clock))
    return file


def run(folder: Path, value_s: float, doubt_s: float = 0.01) -> Path:
    """Record a run of one step that states an outage."""
    (folder / "raw").mkdir()
    np.savez(folder / "raw" / "x.npz", opened_s=1.0, received_s=np.array([0.0, 4.9]))
    measured = {"value_s": value_s, "uncertainty_s": doubt_s}
    step: dict[str, Any] = {
        "name": "power reset 1",
        "outage": {"traffic": measured, "counter": measured, "agreement": "agree"},
        "raw": {"file": "raw/x.npz", "state": "as recorded"},
    }
    (folder / "summary.json").write_text(json.dumps({"steps": [step]}))
    return folder


def test_the_captures_silence_is_told_from_its_answers_alone(tmp_path: Path) -> None:
    found = read(capture(tmp_path), PORT)

    assert len(found.asked_s) == 5_000
    assert float(np.max(np.diff(found.answered_s))) == pytest.approx(OUT[1] - OUT[0] + PERIOD_S)
    assert found.answered_s[0] == pytest.approx(2e-4, abs=1e-6)


@pytest.mark.parametrize(("stated_s", "code"), [(1.5, 0), (8.0, 1)])
def test_a_stated_interval_has_to_cover_the_captures_silence(
    tmp_path: Path, stated_s: float, code: int
) -> None:
    assert compare(run(tmp_path, stated_s), capture(tmp_path), PORT) == code


def test_answers_to_what_had_queued_up_are_no_service_in_time(tmp_path: Path) -> None:
    found = read(capture(tmp_path, late_s=0.1), PORT)

    late = float(np.max(np.diff(found.answered_s)))
    in_time = float(np.max(np.diff(found.in_time_s)))
    assert in_time == pytest.approx(OUT[1] - OUT[0] + PERIOD_S, abs=2 * PERIOD_S)
    assert late == pytest.approx(in_time - 0.1, abs=5 * PERIOD_S)


def test_a_run_without_outages_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"steps": []}')
    assert compare(tmp_path, capture(tmp_path), PORT) == 3
