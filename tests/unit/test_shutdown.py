# SPDX-License-Identifier: MIT
"""Requests to stop: once, passed on to children, and ignored where our starter wished so."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rig import shutdown
from tests.unit.helpers.dialogue import StillClock

WAITER = """
import sys, time
from rig import shutdown
with shutdown.once():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("in order", flush=True)
        sys.exit(7)
"""
COMMAND = f"""
import sys
from rig import shutdown
with shutdown.passed_on():
    child = shutdown.start([sys.executable, "-c", {WAITER!r}], {{options}})
    try:
        child.wait()
    except KeyboardInterrupt:
        sys.exit(child.wait())
"""


# Asked after its child has started and before anybody has noted that there is one.
STARTING = """
import signal, subprocess, sys
from rig import shutdown
made = subprocess.Popen
def popen(*words, **options):
    child = made(*words, **options)
    signal.raise_signal(signal.SIGTERM)
    return child
subprocess.Popen = popen
with shutdown.passed_on():
    try:
        shutdown.start([sys.executable, "-c", "import time; time.sleep(60)"])
    except KeyboardInterrupt:
        (child, _), = shutdown._children or [(None, None)]
        if child:
            print("told", child.wait(20.0), flush=True)
        else:
            print("nobody knows of a child", flush=True)
"""


def asked(once: shutdown.Once, number: signal.Signals) -> bool:
    try:
        once(number, None)
    except KeyboardInterrupt:
        return True
    return False


def test_a_request_is_heard_once_whichever_ways_it_comes() -> None:
    clock = StillClock()
    once = shutdown.Once(clock)
    assert asked(once, signal.SIGTERM)
    assert not asked(once, signal.SIGINT), "the terminal's, of the same moment"
    clock.sleep(10.0)
    assert not asked(once, signal.SIGTERM), "it is being done"
    assert not asked(once, signal.SIGHUP)


def test_a_request_is_passed_on_as_often_as_it_is_heard() -> None:
    told: list[int] = []
    clock = StillClock()
    once = shutdown.Once(clock, told.append)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        asked(once, number)
    clock.sleep(shutdown.SAME_S)
    asked(once, signal.SIGINT)
    assert told == [signal.SIGTERM, signal.SIGINT]


def test_a_person_who_insists_is_heard_again() -> None:
    clock = StillClock()
    once = shutdown.Once(clock)
    assert asked(once, signal.SIGINT)
    clock.sleep(shutdown.SAME_S * 0.6)
    assert not asked(once, signal.SIGINT), "it may be the same one"
    clock.sleep(shutdown.SAME_S * 0.6)
    assert asked(once, signal.SIGINT)


@pytest.mark.parametrize("number", shutdown.REQUESTS)
@pytest.mark.parametrize("group", [False, True], ids=["alone", "group"])
def test_a_command_that_is_told_to_stop_tells_its_child_and_waits(
    number: signal.Signals, *, group: bool
) -> None:
    assert run(COMMAND.format(options=""), number, group=group) == (7, "ready\nin order\n")


def test_a_request_that_comes_while_a_child_starts_reaches_the_child() -> None:
    """The command would end, and leave a run behind of which nobody knows."""
    words = [sys.executable, "-c", STARTING]
    said = subprocess.check_output(words, text=True, timeout=60.0, stderr=subprocess.DEVNULL)
    assert said == f"told {-signal.SIGTERM}\n"


def test_a_child_that_its_terminal_tells_is_not_told_by_us() -> None:
    undisturbed = WAITER.replace("time.sleep(60)", "time.sleep(1); print('undisturbed')")
    code = COMMAND.replace(repr(WAITER), repr(undisturbed)).format(options="tells=(15, 1)")
    assert run(code, signal.SIGINT, group=False) == (0, "ready\nundisturbed\n")


def run(code: str, number: signal.Signals, *, group: bool) -> tuple[int, str]:
    """Run `code` until it says that it is ready, send it `number`; return its end and output."""
    # A shell's background job ignores SIGINT, and so would all that it starts.
    command = ["env", "--default-signal=INT,HUP", sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=Path.cwd()
    ) as child:
        assert child.stdout
        try:
            first = child.stdout.readline()
            (os.killpg if group else os.kill)(child.pid, number)
            rest, _ = child.communicate(timeout=30.0)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
    return child.returncode, first + rest


@pytest.mark.parametrize(("follows", "said"), [(True, "in order\n"), (False, "still here\n")])
def test_a_run_whose_command_was_killed_ends_in_good_order(*, follows: bool, said: str) -> None:
    """Nobody tells it, and nobody would make its reports."""
    run = WAITER.replace("time.sleep(60)", "sys.stdin.read(); print('still here')")
    if follows:
        run = run.replace("    try:", "    shutdown.with_command()\n    try:")
    command = f"""
import os, subprocess, sys
os.environ["WALNUT_COMMAND"] = str(os.getpid())
subprocess.run([sys.executable, "-c", {run!r}])
"""
    ends, ours = os.pipe()  # its standard input: a run that does not follow has an end, too
    with subprocess.Popen(
        [sys.executable, "-c", command], stdin=ends, stdout=subprocess.PIPE, text=True
    ) as child:
        os.close(ends)
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
        child.kill()
        child.wait()
        heard = child.stdout.readline() if follows else ""
        os.close(ours)
        assert heard + child.stdout.read() == said


def test_a_terminal_that_is_gone_does_not_fail_the_way_out() -> None:
    terminal, ours = pty.openpty()
    command = ["setsid", "--ctty", "--wait", "env", "--default-signal=HUP", sys.executable, "-c"]
    with subprocess.Popen([*command, WAITER], stdin=ours, stdout=ours, stderr=ours) as child:
        os.close(ours)
        assert os.read(terminal, 5) == b"ready"
        os.close(terminal)
        assert child.wait(timeout=30.0) == 7, "after it has said that all is in order"


def test_what_our_starter_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with shutdown.once():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_who_is_asked_is_deaf_until_it_ends_and_others_are_left_as_they_were() -> None:
    before = {number: signal.getsignal(number) for number in shutdown.REQUESTS}
    with shutdown.once():
        pass
    assert {number: signal.getsignal(number) for number in shutdown.REQUESTS} == before
    try:
        with pytest.raises(KeyboardInterrupt), shutdown.once():
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_child_that_a_request_ended_at_once_is_told_from_one_that_failed() -> None:
    assert shutdown.ended(-signal.SIGTERM)
    assert not shutdown.ended(-signal.SIGKILL)
    assert not shutdown.ended(1)
    assert not shutdown.ended(signal.SIGTERM)
