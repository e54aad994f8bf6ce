# SPDX-License-Identifier: MIT
"""A build step, named by the content of all that goes into it, and the cache that holds it."""

import contextlib
import fcntl
import hashlib
import inspect
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from firmware.build.errors import BuildError

LEFT = re.compile(r"work-(.+-[0-9a-f]{32})-\w+")  # a step's folder while it is made


@dataclass(frozen=True)
class Context:
    """What a running step is given."""

    work: Path  # its own empty folder, thrown away afterwards
    out: Path  # what it leaves here is its result
    log: Path
    needs: Mapping[str, Path]  # results of the steps it needs
    env: Mapping[str, str]
    jobs: int


@dataclass(frozen=True)
class Step:
    """One thing that is built: from `inputs` (text) and other steps, by `make`."""

    name: str
    make: Callable[[Context], None]
    inputs: Mapping[str, str]
    needs: Mapping[str, "Step"] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """Hash of everything that can change the result, the code that makes it included."""
        module = inspect.getmodule(self.make)
        facts = {
            "name": self.name,
            "code": inspect.getsource(module) if module else "",
            "inputs": dict(self.inputs),
            "needs": {name: step.key for name, step in self.needs.items()},
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


class Cache:
    """Results of steps, one folder each; complete or absent, whoever else builds or dies."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def path(self, step: Step) -> Path:
        """Where the step's result lies once it is there."""
        return self.root / f"{step.name}-{step.key}"

    def log(self, step: Step) -> Path:
        return self.root / "logs" / f"{step.name}-{step.key}.log"

    def has(self, step: Step) -> bool:
        return self.path(step).is_dir()

    def build(self, step: Step, env: Mapping[str, str], jobs: int) -> Path:
        """Make the step's result unless it is there or another build makes it meanwhile."""
        with self._lock(f"{step.name}-{step.key}"):
            if not self.has(step):
                self._make(step, env, jobs)
        return self.path(step)

    def _make(self, step: Step, env: Mapping[str, str], jobs: int) -> None:
        log = self.log(step)
        log.parent.mkdir(exist_ok=True)
        log.write_text("")
        prefix = f"work-{step.name}-{step.key}-"
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self.root))
        try:
            out, work = folder / "out", folder / "work"
            out.mkdir()
            work.mkdir()
            needs = {name: self.path(need) for name, need in step.needs.items()}
            step.make(Context(work, out, log, needs, env, jobs))
            os.sync()  # or a power loss could leave a result with empty files
            out.rename(self.path(step))
        except OSError as error:
            raise BuildError(f"{step.name}: {error} (log: {log})") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what builds that were killed have left; those that run hold their step's lock."""
        for folder in self.root.glob("work-*"):
            found = LEFT.fullmatch(folder.name)
            if found:
                with contextlib.suppress(BlockingIOError), self._lock(found[1], fcntl.LOCK_NB):
                    shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _lock(self, name: str, flags: int = 0) -> Iterator[None]:
        locks = self.root / "locks"
        locks.mkdir(exist_ok=True)
        with (locks / name).open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | flags)
            yield


def folder_digest(folder: Path) -> str:
    """Hash of a tree of sources: names, exec bits, links and content."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            fact = f"link {path.readlink()}"
        elif path.is_file():
            mode = "x" if path.stat().st_mode & 0o100 else "-"
            fact = f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        else:
            continue
        digest.update(f"{path.relative_to(folder)}\0{fact}\n".encode())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
