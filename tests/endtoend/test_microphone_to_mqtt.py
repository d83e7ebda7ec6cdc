"""Speech played into the virtual microphone, captured with PyAudio, judged, and received by a separate mosquitto_sub."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmarks.virtual_microphone import DEVICE, VirtualMicrophone
from daemon.demo.broker import PrivateBroker
from daemon.demo.demo import RECORDING
from tests.daemon.contract import wrong

ROOT = Path(__file__).parents[2]
EMODB = Path(os.environ.get("AFFECTD_CORPORA") or ROOT / "corpora") / "EMO-DB"
N_UTTERANCES = 40
AGREEMENT = 0.95
LATER_S = (0.0023, 0.0063, 0.0132)
"""A microphone begins at any sample of a frame, and where two labels are about as likely that decides between them: moved by so
much, a file agrees with itself in 35 to 36 of 38. So what it says at any of these counts as its label ..."""
STEADY = 0.85
"""... and so many must have one and no other."""
PAUSE_S = 1.3
"""Of silence after each recording: longer than the gate's hang-over."""
BEFORE_S = 0.5
"""Of silence before it, as a cabin has: one that begins in the middle of a word shows the gate no noise to compare it with."""
PATIENCE_S = 30.0


class Cabin:
    """`affectd run` on the virtual microphone, and mosquitto_sub on its events. Use it as a context."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self._folder = folder
        self._settings = settings
        self.wrong: list[str] = []
        """What was found wrong with the messages that came."""
        self._arrived: queue.Queue[dict[str, Any]] = queue.Queue()

    def __enter__(self) -> Cabin:
        with ExitStack() as opened:
            broker = opened.enter_context(PrivateBroker())
            self._microphone = opened.enter_context(VirtualMicrophone())
            settings = self._folder / "affectd.toml"
            source = f'[broker]\nport = {broker.port}\n[[source]]\nname = "driver"\ndevice = "{DEVICE}"\n'
            settings.write_text(self._settings + source)
            self._subscribe(broker.port, opened)
            service = subprocess.Popen(
                [sys.executable, "-m", "daemon", "run", "--config", str(settings)], env=self._microphone.environment, cwd=ROOT
            )
            opened.callback(self._end, service)
            assert self.next("state")["speaking"] is False, "the first state of a silent cabin"
            self._opened = opened.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, trouble: BaseException | None, where: TracebackType | None) -> None:
        self._opened.__exit__(kind, trouble, where)
        if kind is None:
            assert self.wrong == []

    def say(self, recording: Path) -> None:
        self._microphone.say(recording)

    def next(self, kind: str) -> dict[str, Any]:
        """The next message of that kind; those of other kinds before it are passed over."""
        while True:
            message = self._arrived.get(timeout=PATIENCE_S)
            if message["schema"] == f"affectd/{kind}/1":
                return message

    def waiting(self, kind: str) -> list[dict[str, Any]]:
        """All messages of that kind that have arrived and were not taken yet."""
        found = []
        while not self._arrived.empty():
            message = self._arrived.get()
            if message["schema"] == f"affectd/{kind}/1":
                found.append(message)
        return found

    def _subscribe(self, port: int, opened: ExitStack) -> None:
        subscriber = subprocess.Popen(
            ["mosquitto_sub", "-p", str(port), "-q", "1", "-t", "affectd/cabin/driver/#", "-F", "%U %t %p"],
            stdout=subprocess.PIPE,
            text=True,
        )
        opened.callback(self._end, subscriber)
        threading.Thread(target=self._collect, args=(subscriber,), daemon=True).start()

    def _collect(self, subscriber: subprocess.Popen[str]) -> None:
        assert subscriber.stdout is not None
        for line in subscriber.stdout:
            received_s, topic, payload = line.split(" ", 2)
            self.wrong += wrong(topic, payload.encode())
            self._arrived.put({**json.loads(payload), "received_s": float(received_s)})

    @staticmethod
    def _end(child: subprocess.Popen[Any]) -> None:
        child.terminate()
        child.wait()


def beyond_hang_over_ms(message: dict[str, Any]) -> float:
    """From the last voiced sample, plus the gate's hang-over, to the subscriber."""
    committed_s = datetime.fromisoformat(message["at"].replace("Z", "+00:00")).timestamp()
    latency = message["latency_ms"]
    return float((message["received_s"] - committed_s) * 1e3 + latency["total"] - latency["hang_over"])


def tell(latencies_ms: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    p50, p99 = np.percentile(latencies_ms, [50, 99])
    with capsys.disabled():
        print(f"\nlast voiced sample + hang-over -> subscriber: p50 {p50:.1f} ms, p99 {p99:.1f} ms, n = {len(latencies_ms)}")


def analysed(recordings: list[Path]) -> list[str]:
    """The labels that `affectd analyze` gives."""
    command = [sys.executable, "-m", "daemon", "analyze", "--json", *map(str, recordings)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line)["label"] for line in done.stdout.splitlines()]


def padded(recording: Path, folder: Path, later_s: float = 0.0) -> Path:
    """The recording with silence behind it, so that the gate closes before the next one begins."""
    samples, rate_hz = soundfile.read(recording, dtype="int16")
    path = folder / f"{recording.stem}{f'-{later_s:g}' if later_s else ''}.wav"
    before, after = (np.zeros(int(seconds * rate_hz), np.int16) for seconds in (BEFORE_S + later_s, PAUSE_S))
    soundfile.write(path, np.concatenate([before, samples, after]), rate_hz)
    return path


def test_the_bundled_recording_through_the_microphone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Cabin(tmp_path) as cabin:
        cabin.say(RECORDING)
        utterances = [cabin.next("utterance") for _ in range(5)]
    assert [message["seq"] for message in utterances] == sorted(message["seq"] for message in utterances)
    tell([beyond_hang_over_ms(message) for message in utterances], capsys)


@pytest.mark.skipif(not EMODB.is_dir(), reason="EMO-DB is not at hand: set AFFECTD_CORPORA")
@pytest.mark.timeout(900)
def test_acted_speech_through_the_microphone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything = sorted(EMODB.glob("*.flac")) or sorted(EMODB.rglob("*.wav"))
    recordings = everything[:: len(everything) // N_UTTERANCES][:N_UTTERANCES]
    played = [padded(recording, tmp_path) for recording in recordings]
    elsewhere = [analysed([padded(recording, tmp_path, later_s) for recording in recordings]) for later_s in LATER_S]
    expected = [set(labels) for labels in zip(analysed(played), *elsewhere)]
    heard: list[list[dict[str, Any]]] = []
    # as `analyze` judges: each utterance by itself, whoever spoke before
    with Cabin(tmp_path, "[seat]\nadapt = false\n") as cabin:
        for recording in played:
            cabin.say(recording)
            first = cabin.next("utterance")
            time.sleep(0.1)
            heard.append([first, *cabin.waiting("utterance")])
    agree = [len(messages) == 1 and messages[0]["label"] in labels for messages, labels in zip(heard, expected)]
    tell([beyond_hang_over_ms(message) for messages in heard for message in messages], capsys)
    with capsys.disabled():
        print(f"label of the microphone = label of the file: {sum(agree)} of {len(agree)}")
        print(f"files with one label wherever they begin: {sum(len(labels) == 1 for labels in expected)} of {len(expected)}")
    # else any label would do
    assert sum(len(labels) == 1 for labels in expected) >= STEADY * N_UTTERANCES
    assert sum(len(messages) == 1 for messages in heard) >= AGREEMENT * N_UTTERANCES
    assert sum(agree) >= AGREEMENT * N_UTTERANCES
