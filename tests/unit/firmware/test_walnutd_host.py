# SPDX-License-Identifier: MIT
"""The service's decisions about its state, compiled for this computer and asked directly."""

import ctypes
import subprocess
import zlib
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.campaign.flash_planter import FUTURE, future_state

SOURCES = Path(__file__).resolve().parents[3] / "firmware" / "board" / "walnutd"
LIMIT = 240
OK, ABSENT, CORRUPT, LAYOUT = range(4)
NEW, SAME, OLDER, NO_ROOM = range(4)


class Session(ctypes.Structure):
    _fields_: ClassVar = [
        ("id", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
        ("changed", ctypes.c_uint64),
    ]


class State(ctypes.Structure):
    _fields_: ClassVar = [
        ("layout", ctypes.c_uint16),
        ("counter", ctypes.c_uint64),
        ("count", ctypes.c_uint32),
        ("sessions", Session * LIMIT),
    ]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    target = tmp_path_factory.mktemp("walnutd") / "state.so"
    command = ["gcc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", str(target)]
    command += ["-DSTATE_LAYOUT=2", "-DSTATE_LAYOUT_MIN=1", '-DRELEASE="1.0.0"']
    subprocess.run([*command, str(SOURCES / "state.c"), str(SOURCES / "protocol.c")], check=True)
    found = ctypes.CDLL(str(target))
    found.state_encode.restype = ctypes.c_size_t
    found.crc32_of.restype = ctypes.c_uint32
    found.state_layout_next.restype = ctypes.c_uint16
    return found


def encoded(
    library: ctypes.CDLL, counter: int, sessions: list[tuple[int, int]], layout: int = 2
) -> bytes:
    state = State(layout=layout, counter=counter, count=len(sessions))
    for at, (name, value) in enumerate(sessions):
        state.sessions[at] = Session(name, value, at)
    data = ctypes.create_string_buffer(32 + 24 * LIMIT)
    size = library.state_encode(ctypes.byref(state), data)
    return data.raw[:size]


def decoded(library: ctypes.CDLL, data: bytes) -> tuple[int, State, int]:
    state, layout = State(), ctypes.c_uint16()
    reading = library.state_decode(
        data, ctypes.c_size_t(len(data)), ctypes.byref(state), ctypes.byref(layout)
    )
    return reading, state, layout.value


def with_crc(data: bytes) -> bytes:
    blank = data[:20] + bytes(4) + data[24:]
    return blank[:20] + zlib.crc32(blank).to_bytes(4, "big") + blank[24:]


sessions = st.lists(
    st.tuples(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1)),
    max_size=LIMIT,
    unique_by=lambda pair: pair[0],
)


@settings(deadline=None)
@given(st.integers(0, 2**63), sessions, st.sampled_from([1, 2]))
def test_a_state_reads_back_in_either_layout(
    library: ctypes.CDLL, counter: int, held: list[tuple[int, int]], layout: int
) -> None:
    data = encoded(library, counter, held, layout)
    reading, state, found = decoded(library, data)
    assert len(data) == 32 + len(held) * (24 if layout == 2 else 16)
    assert (reading, found, state.layout) == (OK, layout, layout)
    assert (state.counter, state.count) == (counter, len(held))
    assert [(item.id, item.value) for item in state.sessions[: state.count]] == held
    changed = [item.changed for item in state.sessions[: state.count]]
    assert changed == [at if layout == 2 else 0 for at in range(len(held))]


def test_a_full_layout_1_can_be_migrated(library: ctypes.CDLL) -> None:
    full = [(name, name) for name in range(1, LIMIT + 1)]
    _, state, _ = decoded(library, encoded(library, 9, full, 1))
    state.layout = 2
    data = ctypes.create_string_buffer(32 + 24 * LIMIT)
    size = library.state_encode(ctypes.byref(state), data)
    reading, again, layout = decoded(library, data.raw[:size])
    assert (reading, layout, again.count) == (OK, 2, LIMIT)


@pytest.mark.parametrize(
    ("found", "confirmed", "written"),
    [(1, False, 1), (2, False, 2), (0, False, 1), (1, True, 2), (2, True, 2), (0, True, 2)],
)
def test_the_layout_stays_as_it_was_found_until_the_release_is_confirmed(
    library: ctypes.CDLL, found: int, confirmed: bool, written: int
) -> None:
    """A release that falls back must leave a state that the other one can read."""
    assert library.state_layout_next(ctypes.c_uint16(found), ctypes.c_bool(confirmed)) == written


@settings(deadline=None)
@given(sessions, st.data())
def test_a_torn_or_damaged_copy_is_never_taken(
    library: ctypes.CDLL, held: list[tuple[int, int]], data: st.DataObject
) -> None:
    whole = encoded(library, 7, held)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert decoded(library, whole[:cut])[0] == CORRUPT
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    damaged = bytearray(whole)
    damaged[at] ^= 1 << bit
    assert decoded(library, bytes(damaged))[0] == CORRUPT


@pytest.mark.parametrize("layout", [0, 3, 9])
def test_a_whole_copy_of_an_unknown_layout_is_told_from_damage(
    library: ctypes.CDLL, layout: int
) -> None:
    whole = encoded(library, 7, [(1, 2)])
    other = with_crc(whole[:4] + layout.to_bytes(2, "big") + whole[6:])
    reading, _, found = decoded(library, other)
    assert (reading, found) == (LAYOUT, layout)


def test_the_rigs_state_of_the_future_is_whole(library: ctypes.CDLL) -> None:
    """Or else a release would refuse it as damaged, which proves less."""
    reading, _, layout = decoded(library, future_state())
    assert (reading, layout) == (LAYOUT, FUTURE)


def choose(library: ctypes.CDLL, *copies: tuple[int, int]) -> tuple[int, int]:
    readings = (ctypes.c_int * 2)(*(reading for reading, _ in copies))
    states = (State * 2)(*(State(counter=counter) for _, counter in copies))
    verdict = ctypes.c_int()
    return library.state_choose(readings, states, ctypes.byref(verdict)), verdict.value


def test_the_newer_copy_counts_and_a_torn_one_falls_back(library: ctypes.CDLL) -> None:
    assert choose(library, (OK, 3), (OK, 4)) == (1, OK)
    assert choose(library, (OK, 3), (CORRUPT, 0)) == (0, OK)
    assert choose(library, (ABSENT, 0), (ABSENT, 0)) == (-1, ABSENT)


def test_an_unreadable_layout_forbids_the_older_copy_too(library: ctypes.CDLL) -> None:
    """Stale state must never be taken for the state."""
    assert choose(library, (OK, 3), (LAYOUT, 0)) == (-1, LAYOUT)


def apply(library: ctypes.CDLL, state: State, session: int, value: int) -> tuple[int, int]:
    stored = ctypes.c_uint64()
    change = library.state_apply(
        ctypes.byref(state), ctypes.c_uint64(session), ctypes.c_uint64(value), ctypes.byref(stored)
    )
    return change, stored.value


def test_a_stored_value_never_goes_back(library: ctypes.CDLL) -> None:
    state = State()
    assert apply(library, state, 5, 10) == (NEW, 10)
    assert apply(library, state, 5, 10) == (SAME, 10)
    assert apply(library, state, 5, 9) == (OLDER, 10)
    assert (state.counter, state.count, state.sessions[0].changed) == (1, 1, 1)


def test_a_full_store_refuses_another_session(library: ctypes.CDLL) -> None:
    state = State()
    for name in range(1, LIMIT + 1):
        assert apply(library, state, name, 1)[0] == NEW
    assert apply(library, state, LIMIT + 1, 1)[0] == NO_ROOM
    assert apply(library, state, 1, 2) == (NEW, 2)
