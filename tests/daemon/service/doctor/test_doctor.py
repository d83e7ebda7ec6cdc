"""All checks together, and `affectd doctor` as a person sees it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest

from benchmarks.virtual_microphone import DEVICE, VirtualMicrophone
from daemon.service.doctor.examine import CHECKS, EXIT_CODES, examine
from daemon.service.doctor.finding import FAIL, NOTE, OK, Finding, exit_code, fail, note, ok
from daemon.service.doctor.place import Place
from daemon.service.doctor.report import Form
from tests.daemon.service.doctor.places import place
from tests.fixtures.brokers.mosquitto import Mosquitto

PATIENCE_S = 120.0


def settings(folder: Path, **values: Any) -> Path:
    lines = {"device": DEVICE, "port": 1, "model": "affectnet", **values}
    file = folder / "affectd.toml"
    file.write_text(
        f'[node]\nstate = "{folder}"\n[broker]\nport = {lines["port"]}\n[model]\nname = "{lines["model"]}"\n'
        f'[[source]]\nname = "driver"\ndevice = "{lines["device"]}"\n'
    )
    return file


def doctor(*arguments: str, environment: Any = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daemon", "doctor", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=PATIENCE_S,
        check=False,
    )


def test_where_all_is_well_the_service_can_run(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, "allow_anonymous true") as broker, VirtualMicrophone() as microphone:
        said = doctor("--config", str(settings(tmp_path, port=broker.port)), environment=microphone.environment)
    assert said.returncode == 0, said.stdout
    assert said.stderr == ""
    lines = said.stdout.splitlines()
    assert lines[-1].startswith("The service can run")
    (heard,) = [line for line in lines if "source driver" in line]
    assert heard.split(None, 3)[3] == DEVICE
    assert "\x1b" not in said.stdout


TROUBLES = [
    ({"model": "no-such"}, 5, "model"),
    ({"device": "no such microphone"}, 3, "source driver"),
    ({"port": 1}, 4, "broker"),
    ({"port": '"text"'}, 2, "settings"),
]


@pytest.mark.parametrize(("values", "code", "what"), TROUBLES, ids=[what for _, _, what in TROUBLES])
def test_each_trouble_has_its_exit_code(tmp_path: Path, values: dict[str, Any], code: int, what: str) -> None:
    with Mosquitto(tmp_path, "allow_anonymous true") as broker, VirtualMicrophone() as microphone:
        file = settings(tmp_path, **{"port": broker.port, **values})
        said = doctor("--config", str(file), "--json", environment=microphone.environment)
    body = json.loads(said.stdout)
    assert said.returncode == body["exit_code"] == code
    assert [one["what"] for one in body["checks"] if one["mark"] == FAIL] == [what]


# --- without the machine -----------------------------------------------------------------------------------------------


def test_findings_come_in_the_order_of_the_checks_whatever_is_first_done() -> None:
    first = threading.Event()

    def slow(_: Place) -> Iterator[Finding]:
        assert first.wait(PATIENCE_S)
        yield ok("slow", "at last")

    def quick(_: Place) -> Iterator[Finding]:
        first.set()
        yield ok("quick", "at once")

    assert [one.what for one in examine(place(), {"slow": slow, "quick": quick})] == ["slow", "quick"]


def test_a_check_that_hangs_or_breaks_costs_no_other() -> None:
    over = threading.Event()

    def hangs(_: Place) -> Iterator[Finding]:
        over.wait(PATIENCE_S)
        yield ok("microphone", "much later")

    def breaks(_: Place) -> Iterator[Finding]:
        raise RuntimeError("no such luck")
        yield

    def works(_: Place) -> Iterator[Finding]:
        yield ok("works", "yes")

    found = list(examine(place(), {"microphone": hangs, "clock": breaks, "works": works}, patience_s=0.3))
    over.set()
    assert [(one.mark, one.exit_code) for one in found] == [(FAIL, 3), (NOTE, 0), (OK, 0)]
    assert "no answer within 0.3 s" in found[0].says
    assert "RuntimeError: no such luck" in found[1].says


def test_the_exit_code_is_that_of_the_first_trouble() -> None:
    assert exit_code([ok("a", "b"), note("c", "d")]) == 0
    assert exit_code([ok("a", "b"), fail("c", "d", "e", 3), fail("f", "g", "h", 2)]) == 3
    assert set(EXIT_CODES) <= set(CHECKS)


def test_on_a_terminal_long_lines_are_broken_but_never_what_is_to_be_typed() -> None:
    do = "sudo apt install " + "a-package " * 12
    long = Form(False, "utf-8", 60).lines(fail("what", "words " * 30, do, 2))
    assert all(len(line) <= 60 for line in long[:-1])
    assert long[-1].endswith(f"→ {do}")
    assert {line[:19] for line in long[1:-1]} == {" " * 19}
    assert Form(False, "utf-8").lines(ok("what", "words " * 30)) == [f"  ✓ what           {'words ' * 30}"]


def test_without_utf_8_there_are_words_and_with_colours_there_are_colours() -> None:
    assert Form(False, "ascii").lines(fail("a", "b", "c", 2))[0].startswith("  FAIL a")
    assert "->" in Form(False, "ascii").lines(fail("a", "b", "c", 2))[1]
    assert "\x1b[31m✗\x1b[0m" in Form(True, "UTF-8").lines(fail("a", "b", "c", 2))[0]
    assert Form(False, "utf-8").summary([note("a", "b")]) == "The service can run; 1 thing to know."
    troubles = [fail("a", "b", "c", 2), fail("d", "e", "f", 3)]
    assert Form(False, "utf-8").summary(troubles) == "The service cannot run yet: 2 things are amiss."
