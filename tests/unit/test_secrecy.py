# SPDX-License-Identifier: MIT
"""A password in an address is in no file of a run, and in nothing that the rig says."""

import logging
import socket
from pathlib import Path
from urllib.parse import urlparse

import pexpect
import pytest
import requests

from rig.cli import main
from rig.errors import BenchError, InstrumentError
from rig.secrecy import hide, hide_in, in_logs
from tests.unit.helpers.pytest_run import PLACE, ROOT, run_instead

USER, PASSWORD = "adm1n", "s3cret"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://adm1n:s3cret@192.0.2.1:1", "http://***@192.0.2.1:1"),
        ("https://s3cret@[::1]/x", "https://***@[::1]/x"),
        ("(at http://adm1n:s3cret@h:1, outlet 0)", "(at http://***@h:1, outlet 0)"),
        ("http://adm1n:s3@cret@h/x", "http://***@h/x"),
        ("http://adm1n:s3cret/#?@h:80/x?y=1", "http://***@h:80/x?y=1"),
        ("http://adm1n:s3c%40ret@h", "http://***@h"),
        (":s3cret@192.0.2.1", "***@192.0.2.1"),
        ("TCPIP::adm1n:s3cret@192.0.2.1::INSTR", "TCPIP::***@192.0.2.1::INSTR"),
        ("postgresql://lab:s3cret@h/n", "postgresql://lab:***@h/n"),
        ("postgresql://lab:s3/c@ret@h/n", "postgresql://lab:***@h/n"),
        ("postgresql://lab@h/n", "postgresql://lab@h/n"),
        ("postgresql://h/n?sslpassword=s3cret&x=1", "postgresql://h/n?sslpassword=***&x=1"),
        (
            "with url: /login?user=x&pwd=s3cret (Caused by",
            "with url: /login?user=x&pwd=*** (Caused by",
        ),
        ("Shell(password='s3 cret', x=1)", "Shell(password=***, x=1)"),
        ("{'password': 's3cret', 'x': 1}", "{'password': '***', 'x': 1}"),
        ('{"snmp_community": "s3cret"}', '{"snmp_community": "***"}'),
        ("Authorization: Basic czNjcmV0", "Authorization: Basic ***"),
    ],
)
def test_what_is_secret_is_hidden(text: str, shown: str) -> None:
    assert hide(text) == shown
    assert hide(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://10.0.2.2:29110/bundles/x@y.tar",
        "rfc2217://127.0.0.1:29101?ign_set_control",
        "TCPIP0::192.0.2.41::5025::SOCKET",
        "root@walnut:~# passwd",
        "Password: ",
        "walnut1/data/1.0.0@0123abcd/1.0.0@4567cdef/cut@op:9/before",
        "cut@op:700/torn:seed=1,op:12/before",
        "cut@mark:staging.write:40%+0.120s",
        "@WU 9.00 download start url=http://10.0.2.2:29110/x",
        "12:30:01 root@board.example ok",
    ],
)
def test_what_is_not_secret_stays_as_it_is(text: str) -> None:
    assert hide(text) == text


def failures() -> dict[str, Exception]:
    """Return what labgrid's backends raise, each with the password in it."""
    address = f"http://{USER}:{PASSWORD}/x@h:1"
    found: dict[str, Exception] = {"urllib": ValueError(), "requests": ValueError()}
    try:
        _ = urlparse(address).port
    except ValueError as error:
        found["urllib"] = error
    answer = requests.Response()
    answer.status_code, answer.url = 401, f"http://{USER}:{PASSWORD}@h/"
    try:
        answer.raise_for_status()
    except requests.HTTPError as error:
        found["requests"] = error
    found["pexpect"] = pexpect.EOF(f"command: telnet {address}")
    found["os"] = OSError(111, f"refused: {address}")
    found["rig"] = InstrumentError("PDU", command="get", reply=address)
    return found


@pytest.mark.parametrize("name", ["urllib", "requests", "pexpect", "os", "rig"])
def test_an_error_and_what_led_to_it_say_nothing(name: str) -> None:
    cause = failures()[name]
    error = RuntimeError("not answered")
    error.__cause__ = cause

    hide_in(error)

    assert PASSWORD not in str(cause) + repr(cause)
    assert "***" in str(cause), "what was hidden is seen to be"


def test_an_error_without_a_secret_is_left_alone() -> None:
    error = OSError(2, "No such file", "x")
    hide_in(error)
    assert (error.errno, error.args) == (2, (2, "No such file"))


def test_errors_of_ours_and_logs_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    in_logs()
    address = f"http://{USER}:{PASSWORD}@h"
    logging.getLogger("urllib3").warning("Retrying after %s", address)
    assert PASSWORD not in caplog.text
    assert "Retrying after http://***@h" in caplog.text
    assert PASSWORD not in str(BenchError(f"the PDU at {address} is silent"))


# ---- every file of a run
SMALL = """
import json, logging
from pathlib import Path
import allure, pytest
from rig.place.place import Place
from rig.records.run import Results
from rig.run_end import RECORD_TO
import os

@pytest.fixture
def results(pytestconfig):
    folder = pytestconfig.getoption("rig_report")
    told = {"command": "rig --record-to " + os.environ[RECORD_TO], "place": "dirty"}
    results = Results.create(folder / "results.sqlite", copy_to=os.environ[RECORD_TO], **told)
    yield results
    results.finish("complete")
    results.close()

@pytest.fixture
def place(pytestconfig):
    with Place.open(Path("%(place)s")) as place:
        yield place

def test_small(results, place, pytestconfig):
    folder = pytestconfig.getoption("rig_report")
    (folder / "place.json").write_text(json.dumps(place.describe()))
    results.add_instruments({"pdu": "at " + place.power.port.host})
    with place.console_log() as console:
        console.to(folder / "console" / "x.log")
        console._write(b"walnut-update " + place.power.port.host.encode())
    logging.getLogger("x").warning("asking %%s", place.power.port.host)
    place.strategy.target.activate(place.power)
    with allure.step("ask"):
        place.power.get()

@pytest.fixture
def broken(place):
    raise RuntimeError("no " + place.power.port.host)

def test_broken(broken): ...
"""


def holding(folder: Path, word: str) -> list[str]:
    """Return every file below a folder that holds a word, as bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if word.encode() in path.read_bytes()]


@pytest.mark.parametrize("asks", ["digitalloggers_restapi", "simplerest"])
def test_no_file_of_a_run_holds_the_password(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    asks: str,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with (
        socket.create_server(("127.0.0.1", 0)) as nobody,
        socket.create_server(("127.0.0.1", 0)) as bundles,
    ):
        port, bundles_port = nobody.getsockname()[1], bundles.getsockname()[1]
    outlet = f"http://{USER}:{PASSWORD}@127.0.0.1:{port}/{{index}}?token={PASSWORD}"
    text = PLACE.read_text(encoding="utf-8").partition("\n  bench:")[0]
    text = text.replace(
        "model: shelly_gen2, host: 'http://127.0.0.1:29103'", f"model: {asks}, host: '{outlet}'"
    )
    text = text.replace("port: 29101", f"port: {port}")
    text = text.replace("port: 29110", f"port: {bundles_port}")  # a bench may be up
    text += f"\nimages: {{firmware: {ROOT}/firmware/out/index.json}}\n"
    text += "imports: [rig.drivers]\n"
    place = tmp_path / "places" / "dirty.yaml"
    place.parent.mkdir()
    place.write_text(text, encoding="utf-8")
    folder = tmp_path / "run"
    run_instead(monkeypatch, tmp_path, SMALL % {"place": place})
    server = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/lab?sslpassword={PASSWORD}"

    words = ["cycle", "--place", str(place), "--from", "1.0.0", "--to", "2.0.0", "--no-allure"]
    main([*words, "--report", str(folder), "--record-to", server])

    said = "".join(capfd.readouterr())
    assert PASSWORD not in said
    assert holding(folder, PASSWORD) == []
    assert holding(tmp_path / "state", PASSWORD) == []
    assert holding(place.parent, PASSWORD) == [str(place)], "the search finds it"
    described = (folder / "place.json").read_text()
    assert "***@127.0.0.1" in described
    assert USER not in described
    assert holding(folder / "allure-results", "failed to answer a question")
    assert holding(folder, "test_broken")
