"""`affectd/<node>/<source>/set`: what is carried out, and what is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import switches
from daemon.capture.recording import Recording
from daemon.capture.switched import SwitchedSource
from daemon.commands import MOST_BYTES, Commands, Refused, wanted
from daemon.demo.demo import RECORDING
from daemon.errors import DeviceError
from daemon.events import Block
from daemon.ports import AudioSource
from daemon.switches import SwitchFile
from tests.daemon.sources import DevicelessSource

AT = "2024-05-17T08:00:00.000Z"
OFF, ON = b'{"listening": false}', b'{"listening":true}'
BLOCK_SAMPLES = 320


class Tone(DevicelessSource):
    """A device: gives one block a read, from its own first sample on, and knows whether it is open."""

    ended = False

    def __init__(self, name: str = "driver") -> None:
        self.name = name
        self.open = True
        self.n_slow = 0
        """So often it is not yet given back."""
        self._n_read = 0

    def read(self) -> Block | None:
        assert self.open
        self._n_read += 1
        return Block(np.full(4, self._n_read, np.int16), 4 * (self._n_read - 1), self._n_read)

    def release(self) -> bool:
        self.n_slow -= 1
        return self.n_slow < 0 and super().release()

    def close(self) -> None:
        assert self.open
        self.open = False


class Desk:
    """Commands with sources behind them, and all that they did."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.opened: list[Tone] = []
        self.broken = ""
        self.n_changes = 0
        self.folder = folder
        self.file = SwitchFile(folder, names)
        self.sources: dict[str, SwitchedSource] = {}
        self.commands = Commands(self.sources, self.file, lambda: AT, self._changed)
        for name in names:
            self.sources[name] = SwitchedSource(name, self._opener(name), self.file.is_on(name), self.commands.not_opened)

    def _opener(self, name: str) -> Callable[[], AudioSource]:
        def open_source() -> AudioSource:
            if self.broken:
                raise DeviceError(self.broken)
            self.opened.append(Tone(name))
            return self.opened[-1]

        return open_source

    def _changed(self) -> None:
        self.n_changes += 1

    def send(self, payload: bytes, name: str = "driver", retained: bool = False) -> None:
        self.commands.received(f"affectd/n0de/{name}/set", payload, retained)

    def refused(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.commands.summary()["refused_command"]
        return found

    def counts(self) -> tuple[int, int]:
        counts = self.commands.summary()["commands"]
        return counts["carried_out"], counts["refused"]


# payload, a part of the reason
REFUSED = [
    (b"", "no JSON"),
    (b"off", "no JSON"),
    (b"OFF", "no JSON"),
    (b"\xff\xfe", "no JSON"),
    (b"[" * MOST_BYTES, "no JSON"),
    (b'{"listening": tru', "no JSON"),
    (b"false", "no object"),
    (b"[]", "no object"),
    (b"null", "no object"),
    (b"{}", "no listening that is true or false"),
    (b'{"listening": 0}', "no listening that is true or false"),
    (b'{"listening": 1.0}', "no listening that is true or false"),
    (b'{"listening": "false"}', "no listening that is true or false"),
    (b'{"listening": null}', "no listening that is true or false"),
    (b'{"listening": {"listening": false}}', "no listening that is true or false"),
    (b'{"Listening": false}', "the key 'Listening'"),
    (b'{"listening": false, "volume": 3}', "the key 'volume'"),
    (b'{"listening": false, "listening": true}', "a key twice"),
    (b'{"listening": false}' + b" " * MOST_BYTES, "276 bytes"),
    (b"x" * 10_000_000, "10000000 bytes"),
]


@pytest.mark.parametrize(("payload", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_anything_else_is_refused_with_a_reason_and_counted(tmp_path: Path, payload: bytes, reason: str) -> None:
    desk = Desk(tmp_path, "driver")
    desk.send(payload)
    assert desk.refused()["source"] == "driver"
    assert desk.refused()["at"] == AT
    assert reason in desk.refused()["reason"]
    assert desk.refused()["reason"].endswith('want {"listening": true} or {"listening": false}')
    assert (desk.counts(), desk.n_changes) == ((0, 1), 1)
    desk.sources["driver"].read()
    assert desk.sources["driver"].listening
    assert list(tmp_path.iterdir()) == []


@given(payload=st.binary(max_size=300))
def test_no_bytes_bring_it_down(payload: bytes) -> None:
    with suppress(Refused):
        assert wanted(payload) in (True, False)


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "driver", "rear")
    desk.send(OFF, "trunk")
    assert desk.refused() == {"source": "trunk", "reason": "there is no such source: there is driver, rear", "at": AT}
    desk.send(OFF, "x" * 65_000)
    assert desk.refused()["source"] == "x" * 64
    assert desk.counts() == (0, 2)


def test_a_retained_command_is_refused(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "driver")
    desk.send(OFF, retained=True)
    assert "retained" in desk.refused()["reason"]
    assert desk.sources["driver"].read() is not None


def test_off_closes_the_device_and_on_opens_it_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "driver", "rear")
    driver, rear = desk.sources["driver"], desk.sources["rear"]
    assert [block.start_sample for block in (driver.read(), driver.read()) if block] == [0, 4]
    desk.send(OFF)
    assert desk.opened[0].open, "not by the thread that asks: the loop may be reading"
    assert driver.read() is None
    assert not desk.opened[0].open
    assert [driver.read() for _ in range(3)] == [None] * 3
    assert (driver.listening, driver.ended) == (False, False)
    assert rear.read() is not None
    desk.send(ON)
    assert driver.read() is None
    assert driver.listening
    block = driver.read()
    assert block is not None
    assert (block.start_sample, block.samples[0]) == (8, 1), "another opening, and positions go on"
    assert [tone.name for tone in desk.opened] == ["driver", "rear", "driver"]
    assert desk.counts() == (2, 0)
    assert "refused_command" not in desk.commands.summary()


def test_a_device_that_is_slow_to_let_go_holds_nobody_up_and_is_off_once_it_is_free(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "driver")
    driver = desk.sources["driver"]
    desk.opened[0].n_slow = 3
    desk.send(OFF)
    for _ in range(3):
        assert driver.read() is None
        assert driver.listening, "nobody is told that it is off while it is open"
    desk.send(ON)
    assert driver.read() is None
    assert (driver.listening, desk.opened[0].open) == (False, False), "what was begun is done first"
    assert driver.read() is None
    block = driver.read()
    assert driver.listening
    assert block is not None
    assert len(desk.opened) == 2


def test_the_same_command_twice_changes_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "driver")
    for payload in (ON, OFF, OFF, ON, OFF, ON, ON):
        desk.send(payload)
    assert desk.sources["driver"].read() is not None, "all before the loop came by: nothing was closed"
    assert len(desk.opened) == 1
    assert list(tmp_path.iterdir()) == []


def test_it_survives_a_restart(tmp_path: Path) -> None:
    Desk(tmp_path, "driver", "rear").send(OFF)
    desk = Desk(tmp_path, "driver", "rear")
    assert [tone.name for tone in desk.opened] == ["rear"], "a device that is off is not even opened"
    assert [source.listening for source in desk.sources.values()] == [False, True]
    desk.sources["driver"].close()
    desk.send(ON)
    desk.sources["driver"].read()
    assert [tone.name for tone in desk.opened] == ["rear", "driver"]
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_left_the_settings_for_a_while_is_still_off(tmp_path: Path) -> None:
    Desk(tmp_path, "driver", "rear").send(OFF, "rear")
    Desk(tmp_path, "driver").send(OFF)
    Desk(tmp_path, "driver").send(ON)
    assert not Desk(tmp_path, "driver", "rear").sources["rear"].listening


def test_a_device_that_cannot_be_opened_again_stays_off_and_says_why(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "driver")
    desk.send(OFF)
    desk.sources["driver"].read()
    desk.broken = "microphone 'USB' is not there"
    desk.send(ON)
    assert [desk.sources["driver"].read() for _ in range(3)] == [None] * 3
    assert not desk.sources["driver"].listening
    assert desk.refused() == {"source": "driver", "reason": "microphone 'USB' is not there", "at": AT}
    assert desk.counts() == (2, 1), "tried once, not with every turn of the loop"
    desk.broken = ""
    assert not Desk(tmp_path, "driver").sources["driver"].listening
    desk.send(ON)
    desk.sources["driver"].read()
    assert desk.sources["driver"].read() is not None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "affectd/listening/2", "off": []}', '{"off": [1]}', "\0" * 100])
def test_by_a_damaged_file_nobody_is_heard_until_told_so(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / switches.NAME).write_text(content)
    for _ in range(2):
        desk = Desk(tmp_path, "driver", "rear")
        assert desk.opened == []
        assert "no source listens until it is switched on" in caplog.text
    desk.send(ON)
    assert json.loads((tmp_path / switches.NAME).read_text())["off"] == ["rear"]
    desk.send(ON, "rear")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_said_and_the_switch_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path / "gone", "driver")
    desk.send(OFF)
    assert desk.sources["driver"].read() is None
    assert not desk.sources["driver"].listening
    assert "listening.json cannot be written: No such file or directory: a restart forgets the switch" in caplog.text


def test_a_recording_is_paused_and_goes_on_where_it_was() -> None:
    """In real time: what passed meanwhile is not caught up with."""
    source = Recording(Path(RECORDING), "driver", 16000, BLOCK_SAMPLES, speed=50.0)
    switched = SwitchedSource("driver", lambda: source, True, lambda *_: None)

    def next_block() -> Block:
        while True:
            block = switched.read()
            if block is not None:
                return block

    first = [next_block() for _ in range(5)]
    switched.switch(False)
    assert switched.read() is None
    switched.switch(True)
    assert switched.read() is None
    # the pace begins anew: the next block is due in its own time, however long that took
    assert switched.read() is None
    again = [next_block() for _ in range(5)]
    assert [block.start_sample for block in first + again] == [BLOCK_SAMPLES * number for number in range(10)]
    switched.close()
