"""The service under a real systemd: when it is ready, what it does, how it takes new settings. And the page beside it."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Iterator

import pytest
import soundfile

from benchmarks.oracle import judge
from daemon.demo.broker import free_port
from daemon.demo.demo import RECORDING
from daemon.service import journal
from tests.faults.recorder import Recorder
from tests.fixtures import affectd_box, box_microphone
from tests.fixtures.service_box import RECORDED, SETTINGS, UNIT, ServiceBox, in_service, service_box
from tests.fixtures.systemd_box import SystemdBox

ONE_UTTERANCE_S = 4.5
"""Of the bundled recording."""
STARTED_BY_SYSTEMD = "39f53479d3a045ac8e11786248231fbf"
"""systemd's own: a unit's start is done (sd-messages(3))."""
SHORT_S = 3
"""Of the watchdog, and of a start that asks for no more."""
pytestmark = [pytest.mark.box, pytest.mark.timeout(900)]

PAGE = "affectd-dashboard.service"
PAGES_KERNELS = "/var/cache/private/affectd-dashboard"
"""As its unit has it, with a user of its own."""
TOKEN = "0123456789abcdef"
MICROPHONE = f'device = "{box_microphone.DEVICE}"'


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdBox]:
    with service_box(tmp_path_factory.mktemp("box")) as box:
        box_microphone.install(box)
        yield box


@pytest.fixture
def service(box: SystemdBox, tmp_path: Path) -> Iterator[ServiceBox]:
    with in_service(box, tmp_path) as service:
        yield service


@pytest.fixture
def utterance(tmp_path: Path) -> Path:
    samples, rate_hz = soundfile.read(RECORDING, dtype="int16")
    path = tmp_path / "one.wav"
    soundfile.write(path, samples[: int(ONE_UTTERANCE_S * rate_hz)], rate_hz)
    return path


def test_it_is_ready_once_its_microphone_is_there_and_the_watchdog_bears_with_it(service: ServiceBox, utterance: Path) -> None:
    """With a real microphone, as a user of its own, behind all that the unit forbids."""
    box = service.box
    service.configure(MICROPHONE)
    # that it is given more time than that is what keeps it alive
    service.start(f"TimeoutStartSec={SHORT_S}", f"WatchdogSec={SHORT_S}", wait=False)
    box.until(lambda: service.status() == "starting: waits for sound from driver", "it waits")
    pid = service.pid()
    time.sleep(1.2 * SHORT_S)
    assert (service.state(), service.pid()) == ("activating", pid)

    box_microphone.plug_in(box)
    box.until(lambda: service.state() == "active", "ready")
    assert service.status().startswith("listening to 1 of 1 seat, 0 utterances")
    box_microphone.say(box, utterance)
    box.until(lambda: "1 utterance, broker connected" in service.status(), "an utterance in the status")

    box_microphone.pull_out(box)
    box.until(lambda: "listening to 0 of 1 seat, driver has no sound" in service.status(), "it has noticed")
    time.sleep(1.2 * SHORT_S)
    assert (service.state(), service.pid()) == ("active", pid)
    box_microphone.plug_in(box)
    box.until(lambda: "listening to 1 of 1 seat" in service.status(), "it hears again")
    assert service.pid() == pid
    require_right_journal(box.journal(UNIT))


def require_right_journal(entries: list[dict[str, Any]]) -> None:
    """What an operator filters by, in the order in which it happened, and no mood."""
    ids = [entry.get("MESSAGE_ID") for entry in entries]
    happened = [one for one in ids if one in (journal.DEVICE_LOST, journal.DEVICE_BACK, journal.UTTERANCE)]
    lost, back = journal.DEVICE_LOST, journal.DEVICE_BACK
    # one trouble may be told in two ways: that it went, and that it is not there
    changes = [one for n, one in enumerate(happened) if happened[n - 1 : n] != [one]]
    assert changes == [lost, back, journal.UTTERANCE, lost, back]
    assert ids.index(journal.STARTED) < ids.index(STARTED_BY_SYSTEMD)
    assert journal.BROKER_BACK in ids
    told = [entry for entry in entries if entry.get("MESSAGE_ID") in (lost, back, journal.UTTERANCE)]
    assert {entry["AFFECTD_SOURCE"] for entry in told} == {"driver"}
    assert [int(entry["AFFECTD_SEQ"]) > 0 for entry in told if "AFFECTD_SEQ" in entry] == [True]
    assert not any("AFFECTD_LABEL" in entry for entry in entries), "nobody has asked for moods in the journal"


def test_a_bad_file_is_refused_and_a_good_one_taken_without_losing_what_was_committed(service: ServiceBox) -> None:
    box = service.box
    service.configure(RECORDED)
    with Recorder(service.broker.port) as recorder:
        service.start()
        pid = service.pid()
        recorder.await_more(3)
        boots = {item.boot for item in recorder.items}
        service.broker.kill()
        box.until(lambda: "to deliver" in service.status(), "messages that wait")

        service.configure(f"{RECORDED}\nmircophone = 1")
        assert box.run("systemctl", "reload", UNIT, check=False).returncode != 0
        box.run("systemctl", "kill", "--signal=HUP", "--kill-who=main", UNIT)
        box.until(lambda: "refused" in service.status(), "new settings refused")
        refused = (
            rf"new settings refused: {SETTINGS}: \[\[source\]\] unknown key 'mircophone'; .*; listening to 1 of 1 seat, .*"
        )
        assert re.fullmatch(refused, service.status())
        assert (service.state(), service.pid()) == ("active", pid)

        box.copy(RECORDING, "/opt/box/second.flac")
        service.configure(RECORDED.replace("cabin", "second"), node="second")
        box.run("systemctl", "reload", UNIT)
        box.until(lambda: any("second.flac" in line for line in service.said()), "the new source")
        box.until(lambda: service.state() == "active", "ready with the new settings")
        assert service.pid() == pid
        assert service.status().startswith("listening to 1 of 1 seat")

        service.broker.start()
        assert recorder.await_that(lambda: len({item.boot for item in recorder.items} - boots) == 1), "nothing of the new life"
        box.run("systemctl", "stop", UNIT)
        recorder.catch_up(service.broker.port)
        left = service.on_disk("after")
    numbers = sorted({item.seq for item in recorder.items})
    assert numbers == list(range(1, 1 + len(numbers))), "a number is missing"
    assert left == []
    assert judge(recorder.items, recorder.items, recorder.gaps).faults == []


def of_the_page(port: int, way: str, token: str = TOKEN) -> urllib.request.Request:
    """As from there."""
    origin = f"http://127.0.0.1:{port}"
    return urllib.request.Request(f"{origin}{way}", headers={"Authorization": f"Bearer {token}", "Origin": origin})


def status_of(request: urllib.request.Request) -> int:
    """0 where nobody answers."""
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


def test_the_page_sees_the_service_and_judges_a_recording_behind_all_that_its_unit_forbids(service: ServiceBox) -> None:
    box, port = service.box, free_port()
    affectd_box.keep_kernels(box, kernels=PAGES_KERNELS)
    service.configure(RECORDED)
    settings = box.path(SETTINGS).read_text()
    box.write(SETTINGS, f'{settings}[dashboard]\nport = {port}\ntoken_file = "/etc/affectd/token"\n', 0o640)
    box.write("/etc/affectd/token", f"{TOKEN}\n", 0o640)
    # root's, and the group's to read: the page has a user of its own, who is in that group
    box.run("chgrp", "affectd", SETTINGS, "/etc/affectd/token")
    box.write(f"/etc/systemd/system/{PAGE}", (affectd_box.UNITS / PAGE).read_text())
    service.start()
    box.run("systemctl", "start", PAGE)
    try:
        box.until(lambda: status_of(of_the_page(port, "/models")) == 200, "the page")
        assert status_of(of_the_page(port, "/models", token="something else")) == 401
        wish = of_the_page(port, "/api/analyse?bundled=")
        wish.method = "POST"
        with urllib.request.urlopen(wish, timeout=600) as told:
            judged = json.loads(told.read().splitlines()[-1])["result"]
        assert judged["models"][0]["utterances"]
        assert {"jitter", "shimmer", "tempo_bpm"} <= {one["name"] for one in judged["features"]}
        with urllib.request.urlopen(of_the_page(port, "/api/live"), timeout=60) as live:
            box.until(lambda: b"driver" in live.readline(), "the seat on the page")
        assert box.property(PAGE, "NRestarts") == "0"
    finally:
        box.run("systemctl", "stop", PAGE)
    assert box.property(PAGE, "Result") == "success"
