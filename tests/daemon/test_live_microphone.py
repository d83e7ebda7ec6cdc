"""A microphone that goes and comes, captured with PyAudio from a real sound server."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from benchmarks.virtual_microphone import DEVICE, VirtualMicrophone
from daemon.capture import process
from daemon.capture.live import LiveMicrophone
from daemon.capture.liveness import LATE_S, Counts
from daemon.errors import DeviceError
from daemon.events import Block
from tests.daemon import capturing

RATE_HZ = 16000
BLOCK_SAMPLES = 320
PATIENCE_S = 60.0
HOP_SAMPLES = 160
TONE_S = 0.2


@pytest.fixture
def cabin(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualMicrophone]:
    """Two devices, of which nobody but the first hears what is said."""
    with VirtualMicrophone(DEVICE, "bench") as virtual:
        for name, value in virtual.environment.items():
            monkeypatch.setenv(name, value)
        yield virtual


@dataclass
class Ear:
    """Reads a microphone as the loop does, on a thread of its own, and keeps what it got."""

    wanted: str = DEVICE
    blocks: list[Block] = field(default_factory=list)
    hearing: list[bool] = field(default_factory=list)
    """Each change."""
    asleep: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Ear:
        self.counts = Counts()
        self.microphone = LiveMicrophone(self.wanted, "driver", RATE_HZ, BLOCK_SAMPLES, lambda: None, self.counts)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.microphone.close()

    def _listen(self) -> None:
        hearing = True
        while not self._ended.is_set():
            if self.asleep.is_set():
                time.sleep(0.01)
                continue
            block = self.microphone.read()
            if self.microphone.hearing is not hearing:
                hearing = self.microphone.hearing
                self.hearing.append(hearing)
            if block is None:
                time.sleep(0.002)
            else:
                self.blocks.append(block)

    @property
    def state(self) -> str:
        return str(self.microphone.device()["state"])

    def await_blocks(self, n_blocks: int = 10) -> None:
        """Until so many more have come."""
        wanted = len(self.blocks) + n_blocks
        await_that(lambda: len(self.blocks) >= wanted)

    def holes(self) -> list[tuple[int, int]]:
        """Where sound is missing: from, to."""
        return [
            (one.end_sample, other.start_sample)
            for one, other in zip(self.blocks, self.blocks[1:])
            if other.start_sample != one.end_sample
        ]

    def tones(self) -> list[int]:
        """Where each of the tones began that were played."""
        loud = [block.start_sample + int(np.argmax(np.abs(block.samples) > 1000)) for block in self.blocks if is_loud(block)]
        return [at for before, at in zip([-RATE_HZ, *loud], loud) if at - before > 2 * TONE_S * RATE_HZ]


def is_loud(block: Block) -> bool:
    return bool((np.abs(block.samples) > 1000).any())


def await_that(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until_s, "it never came to that"
        time.sleep(0.01)


def tone(folder: Path) -> Path:
    path = folder / "tone.wav"
    samples: NDArray[np.int16] = np.where(np.arange(round(TONE_S * RATE_HZ)) % 16 < 8, 8000, -8000).astype(np.int16)
    soundfile.write(path, samples, RATE_HZ)
    return path


def test_the_devices_are_listed(cabin: VirtualMicrophone) -> None:
    names = [device.name for device in process.devices()]
    assert {DEVICE, "bench"} <= set(names)
    default = process.default()
    assert default is not None
    assert default.name in names


def test_a_sound_server_that_hangs_is_said_by_who_lists(cabin: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LIST_S", 1.0)
    cabin.freeze()
    with pytest.raises(DeviceError, match="the sound server hangs: restart it"):
        process.devices()
    assert capturing.children() == {}


def test_it_is_heard_bit_by_bit(cabin: VirtualMicrophone, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(-20000, 20000, RATE_HZ).astype(np.int16)
    soundfile.write(tmp_path / "noise.wav", noise, RATE_HZ)
    with Ear() as ear:
        ear.await_blocks()
        assert ear.blocks[0].start_sample == 0
        cabin.say(tmp_path / "noise.wav")
        ear.await_blocks(30)
    assert ear.holes() == []
    heard = np.concatenate([block.samples for block in ear.blocks])
    begins = int(np.flatnonzero(heard)[0]) - int(np.flatnonzero(noise)[0])
    assert np.array_equal(heard[begins : begins + len(noise)], noise)
    assert (ear.hearing, ear.counts.attempts, ear.counts.xruns) == ([], 1, 0)


def test_one_that_is_not_there_comes_later(cabin: VirtualMicrophone) -> None:
    cabin.unplug()
    with Ear() as ear:
        await_that(lambda: ear.hearing == [False])
        await_that(lambda: ear.counts.attempts >= 2)
        ear.microphone.require_right_name(PATIENCE_S)
        cabin.plug()
        ear.await_blocks()
        assert (ear.hearing, ear.state) == ([False, True], "healthy")
        assert ear.blocks[0].start_sample == 0, "nothing is lost before it was there"


def test_one_that_goes_and_comes_leaves_a_hole_and_stops_no_other(cabin: VirtualMicrophone) -> None:
    with Ear() as ear, Ear("bench") as other:
        ear.await_blocks()
        other.await_blocks()
        cabin.unplug()
        await_that(lambda: ear.hearing == [False])
        cabin.plug()
        ear.await_blocks()
        other.await_blocks()
        assert (ear.hearing, ear.counts.losses, ear.counts.recoveries) == ([False, True], 1, 1)
        assert len(ear.holes()) == 1
        assert (other.hearing, other.holes(), other.counts.attempts) == ([], [], 1)


def test_a_capturing_process_that_dies_is_replaced(cabin: VirtualMicrophone) -> None:
    with Ear() as ear:
        ear.await_blocks()
        capturing.kill(DEVICE)
        await_that(lambda: ear.hearing == [False])
        assert "SIGKILL" in ear.microphone.device()["reason"] or ear.counts.attempts > 1
        ear.await_blocks()
        assert len(capturing.children()) == 1


def test_after_a_hole_positions_are_those_of_a_microphone_that_heard_all(cabin: VirtualMicrophone, tmp_path: Path) -> None:
    """Two hear one cabin: what one of them loses is no time to the other, and both place a tone alike."""
    sound = tone(tmp_path)
    with Ear(DEVICE) as ear, Ear(f"{DEVICE}*") as witness:
        for n_tones in (1, 2):
            ear.await_blocks()
            witness.await_blocks()
            cabin.say(sound)
            await_that(lambda: len(ear.tones()) == len(witness.tones()) == n_tones)  # noqa: B023
            capturing.kill(DEVICE)
            await_that(lambda: len(ear.hearing) == 2 * n_tones)  # noqa: B023
    assert witness.holes() == []
    apart = np.array(ear.tones()) - np.array(witness.tones())
    assert np.ptp(apart) <= HOP_SAMPLES, f"samples between the two: {apart}"


def test_what_a_loop_that_hung_finds_is_dropped_by_its_age_and_counted(cabin: VirtualMicrophone) -> None:
    with Ear() as ear:
        ear.await_blocks()
        ear.asleep.set()
        time.sleep(LATE_S + 1.0)
        ear.asleep.clear()
        ear.await_blocks()
        (hole,) = ear.holes()
        assert ear.counts.late_samples == hole[1] - hole[0] >= RATE_HZ * 0.5
        assert all(time.perf_counter_ns() - block.captured_ns < (LATE_S + 1.0) * 1e9 for block in ear.blocks[-10:])
        assert ear.hearing == [], "the microphone is not to blame"


def test_a_frozen_server_holds_up_neither_the_reader_nor_the_end(cabin: VirtualMicrophone) -> None:
    with Ear() as ear:
        ear.await_blocks()
        cabin.freeze()
        await_that(lambda: ear.hearing == [False])
        await_that(lambda: ear.counts.attempts >= 2)
        began_s = time.monotonic()
        assert ear.microphone.read() is None
        assert not ear.microphone.release()
        assert time.monotonic() - began_s < PATIENCE_S
        await_that(ear.microphone.release)
        assert capturing.children() == {}


def test_what_is_played_while_the_server_hangs_is_never_heard_as_if_it_were_now(cabin: VirtualMicrophone) -> None:
    with Ear() as ear:
        ear.await_blocks()
        cabin.freeze()
        await_that(lambda: ear.state == "stalled")
        await_that(lambda: ear.counts.attempts == 2)
        cabin.thaw()
        ear.await_blocks()
        (hole,) = ear.holes()
        assert hole[1] - hole[0] > RATE_HZ
        assert all(block.end_sample <= hole[0] or block.start_sample >= hole[1] for block in ear.blocks)


def test_released_it_is_free_for_others(cabin: VirtualMicrophone) -> None:
    with Ear() as ear:
        ear.await_blocks()
        assert cabin.n_recording() == 1
        await_that(ear.microphone.release)
        assert (cabin.n_recording(), capturing.children()) == (0, {})


def test_a_name_that_fits_several_is_said_and_tried_again(cabin: VirtualMicrophone) -> None:
    with Ear("*n*") as ear:
        with pytest.raises(DeviceError, match=r"fits \d+ devices .*'cabin'.*'bench'"):
            ear.microphone.require_right_name(PATIENCE_S)
        # the next try may have begun by now
        await_that(lambda: ear.state == "failed")
        await_that(lambda: ear.counts.failures >= 2)
        assert ear.counts.losses == 0
