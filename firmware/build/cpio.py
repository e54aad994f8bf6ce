# SPDX-License-Identifier: MIT
"""A root file system as a cpio archive: same content, same bytes.

Written here because cpio(1) takes owners and times from files and needs root for devices.
Format: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst, "newc".
"""

import stat
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Node:
    """A file, folder, link or device: mode with type, content, device numbers."""

    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


@dataclass
class RootFileSystem:
    """Paths without a leading slash; everything belongs to root."""

    epoch: int
    nodes: dict[str, Node] = field(default_factory=dict)

    def folder(self, path: str, mode: int = 0o755) -> None:
        self.nodes[path] = Node(stat.S_IFDIR | mode)

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        self._parents(path)
        self.nodes[path] = Node(stat.S_IFREG | mode, content)

    def link(self, path: str, target: str) -> None:
        self._parents(path)
        self.nodes[path] = Node(stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path: str, major: int, minor: int, mode: int) -> None:
        self._parents(path)
        self.nodes[path] = Node(stat.S_IFCHR | mode, device=(major, minor))

    def overlay(self, tree: Path) -> None:
        """Lay a folder over it; of a file's mode only the executable bit counts, as in git."""
        for source in sorted(tree.rglob("*")):
            path = str(source.relative_to(tree))
            if source.is_symlink():
                self.link(path, str(source.readlink()))
            elif source.is_dir():
                self._parents(f"{path}/.")
            else:
                executable = source.stat().st_mode & 0o100
                self.file(path, source.read_bytes(), 0o755 if executable else 0o644)

    def _parents(self, path: str) -> None:
        for parent in reversed(Path(path).parents[:-1]):
            self.nodes.setdefault(str(parent), Node(stat.S_IFDIR | 0o755))

    def archive(self) -> bytes:
        """All nodes, sorted by path: a folder comes before what is in it."""
        entries = sorted(self.nodes.items())
        body = b"".join(
            self._entry(number, path, node) for number, (path, node) in enumerate(entries, 1)
        )
        return body + self._entry(0, "TRAILER!!!", Node(0))

    def _entry(self, number: int, path: str, node: Node) -> bytes:
        name = path.encode() + b"\0"
        links = 2 if stat.S_ISDIR(node.mode) else 1
        fields = (
            *(number, node.mode, 0, 0, links, self.epoch, len(node.content)),
            *(0, 0, *node.device, len(name), 0),
        )
        head = b"070701" + b"".join(b"%08X" % value for value in fields) + name
        return _padded(head) + _padded(node.content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
