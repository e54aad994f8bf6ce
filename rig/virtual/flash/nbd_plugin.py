# SPDX-License-Identifier: MIT
"""nbdkit plugin: reads come from the flash file, each write is asked of the bench.

It runs in the system's python3 inside nbdkit, so it imports nothing but the standard library.
A write is `>QI` offset and length, then the data, over a Unix socket; the answer is one byte.
"""

import os
import socket
import struct

import nbdkit  # type: ignore[import-not-found] # exists inside nbdkit only

API_VERSION = 2
HEADER = struct.Struct(">QI")
settings: dict[str, str] = {}


def config(key: str, value: str) -> None:
    settings[key] = value


def thread_model() -> int:
    return int(nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS)


def open(readonly: bool) -> tuple[int, socket.socket]:  # noqa: A001 # nbdkit's name
    del readonly
    bench = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bench.connect(settings["bench"])
    return os.open(settings["file"], os.O_RDONLY), bench


def close(handle: tuple[int, socket.socket]) -> None:
    os.close(handle[0])
    handle[1].close()


def get_size(handle: tuple[int, socket.socket]) -> int:
    return os.fstat(handle[0]).st_size


def pread(handle: tuple[int, socket.socket], buffer: bytearray, offset: int, flags: int) -> None:
    del flags
    buffer[:] = os.pread(handle[0], len(buffer), offset)


def pwrite(handle: tuple[int, socket.socket], buffer: bytes, offset: int, flags: int) -> None:
    del flags
    bench = handle[1]
    bench.sendall(HEADER.pack(offset, len(buffer)) + bytes(buffer))
    if bench.recv(1) != b"k":
        raise OSError("the flash has lost its power")


def flush(handle: tuple[int, socket.socket], flags: int) -> None:
    del handle, flags
