# SPDX-License-Identifier: MIT
"""Build steps side by side, each as soon as what it needs is there, one line of progress each."""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from firmware.build import shell
from firmware.build.step import Cache, Step

STILL_EVERY_S = 30.0


class Progress:
    """Lines on standard output with the time since the start."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()

    def say(self, text: str) -> None:
        elapsed_s = time.monotonic() - self._start_s
        sys.stdout.write(f"firmware [{elapsed_s:6.1f} s] {text}\n")
        sys.stdout.flush()


def jobs() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def missing(goal: Step, cache: Cache) -> list[Step]:
    """List the steps that must be built for `goal`, lowest first; none below one that is there."""
    found: dict[str, Step] = {}

    def visit(step: Step) -> None:
        if step.key in found or cache.has(step):
            return
        for need in step.needs.values():
            visit(need)
        found[step.key] = step

    visit(goal)
    return list(found.values())


def build(goal: Step, cache: Cache, env: Mapping[str, str], progress: Progress) -> Path:
    """Build `goal` and everything it needs; the first failure stops what has not begun."""
    waiting = missing(goal, cache)
    if not waiting:
        progress.say(f"nothing to do, all of it is in {cache.root}")
        return cache.path(goal)
    progress.say(f"{len(waiting)} steps to build in {cache.root}: {_names(waiting)}")
    running: dict[Future[Path], tuple[Step, float]] = {}
    workers = max(2, jobs())
    with ThreadPoolExecutor(workers) as pool:
        while waiting or running:
            free = workers - len(running)
            for step in [step for step in waiting if _ready(step, cache)][:free]:
                waiting.remove(step)
                future = pool.submit(cache.build, step, env, jobs())
                running[future] = (step, time.monotonic())
            try:
                done, _ = wait(running, STILL_EVERY_S, FIRST_COMPLETED)
            except KeyboardInterrupt:
                waiting.clear()
                shell.stop()  # or the pool would wait for them
                raise
            if not done:
                progress.say(f"still at {_names(step for step, _ in running.values())}")
            for future in done:
                step, since_s = running.pop(future)
                if future.exception():
                    waiting.clear()
                    progress.say(f"{step.name} failed")
                    _cancel(running)
                future.result()
                progress.say(f"{step.name}: {time.monotonic() - since_s:.1f} s")
    return cache.path(goal)


def _cancel(running: Iterable[Future[Path]]) -> None:
    for future in running:
        future.cancel()


def _ready(step: Step, cache: Cache) -> bool:
    return all(cache.has(need) for need in step.needs.values())


def _names(steps: Iterable[Step]) -> str:
    return ", ".join(step.name for step in steps)
