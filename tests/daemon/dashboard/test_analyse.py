"""A recording that somebody tries: judged as `affectd analyze` does, and whatever is in it, the page lives."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterator
from urllib.parse import urlencode

import numpy as np
import pytest
import soundfile

from daemon import analysis, assembly
from daemon.cli.choices import settings_with
from daemon.dashboard import analyse, worker
from daemon.demo import RECORDING
from daemon.settings import SeatSettings
from models import registry
from tests.daemon import recordings
from tests.daemon.dashboard.page import PATIENCE_S, Answer, Served, served

RATE_HZ = recordings.RATE_HZ


@pytest.fixture(scope="module")
def page() -> Iterator[Served]:
    with served() as one:
        yield one


def answered(path: Path, content: bytes) -> dict[str, Any]:
    """By the worker's own function, in this process."""
    with path.open("w+b") as file:
        file.write(content)
        file.flush()
        return worker.answer({"fd": file.fileno(), "name": "my trip.wav", "models": [registry.DEFAULT]})


def judged(page: Served, content: bytes, name: str = "a.wav", models: tuple[str, ...] = ()) -> Answer:
    query = urlencode([("name", name), *(("model", model) for model in models)])
    return page.ask(f"/api/analyse?{query}", "POST", content)


def workers() -> list[int]:
    """Processes of ours that judge recordings now."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == os.getpid() and b"daemon.dashboard.worker" in folder.joinpath("cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def await_that(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_the_page_says_what_affectd_analyze_says(page: Served) -> None:
    answer = judged(page, RECORDING.read_bytes(), "cabin.flac", ("affectnet", "cl-emodb"))
    assert answer.status == 200
    result = answer.lines[-1]["result"]
    for said, name in zip(result["models"], ("affectnet", "cl-emodb")):
        settings = replace(settings_with(name), seat=SeatSettings(adapt=False))
        wanted = analysis.analyze(RECORDING, settings, assembly.open_model(name))
        assert said["label"] == wanted.label
        assert said["probabilities"] == wanted.probabilities
        assert said["utterances"] == wanted.utterances
        assert said["elapsed_ms"] > 0.0
        assert len(said["steps"]) >= len(wanted.utterances)
        assert all(len(shares) == len(said["labels"]) for _, shares in said["steps"])
        times_s = [at_s for at_s, _ in said["steps"]]
        assert times_s == sorted(times_s)
        assert times_s[-1] <= result["duration_s"]
    shares = [line["progress"] for line in answer.lines[:-1]]
    assert shares == sorted(shares)
    assert shares[-1] <= 1.0


def test_the_bundled_recording_is_tried_without_being_sent_and_nothing_is_stored(
    page: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    answer = page.ask("/api/analyse?bundled&model=affectnet&name=cabin.flac", "POST", b"")
    assert answer.lines[-1]["result"]["duration_s"] == pytest.approx(24.78, abs=0.01)
    assert page.ask("/recordings/cabin.flac").body == RECORDING.read_bytes()
    assert list(tmp_path.iterdir()) == []


def eight_hours(path: Path) -> bytes:
    """Of silence, in a megabyte."""
    with soundfile.SoundFile(path, "w", 8000, 1, subtype="PCM_16", format="FLAC") as file:
        silence = np.zeros(8000 * 1800, np.int16)
        for _ in range(16):
            file.write(silence)
    return path.read_bytes()


def sixty_four_channels(path: Path) -> bytes:
    return recordings.write(path, recordings.channels(recordings.speech()[:RATE_HZ], 64)).read_bytes()


def cut_off(path: Path) -> bytes:
    return recordings.cut_off(recordings.write(path, recordings.speech()), 0.5).read_bytes()


def with_nan(path: Path) -> bytes:
    samples = recordings.speech()[: 2 * RATE_HZ]
    samples[RATE_HZ] = np.nan
    return recordings.write(path, samples, subtype="FLOAT").read_bytes()


PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000") + b"\x00" * 100
BAD: list[tuple[str, Callable[[Path], bytes], str]] = [
    ("empty", lambda path: b"", "is empty (0 bytes)"),
    ("picture", lambda path: PNG, "cannot be read as sound"),
    ("eight hours", eight_hours, "lasts 8.0 h: the page takes 60 minutes at most"),
    ("64 channels", sixty_four_channels, "has 64 channels: want 8 at most"),
    ("cut off", cut_off, "it was cut off"),
    ("not a number", with_nan, "holds NaN or infinity"),
    ("a header alone", lambda path: recordings.write(path, recordings.speech()[:0]).read_bytes(), "holds 0 samples"),
]


@pytest.mark.parametrize(("make", "says"), [one[1:] for one in BAD], ids=[one[0] for one in BAD])
def test_a_recording_that_cannot_be_judged_is_one_line_by_its_own_name(
    tmp_path: Path, make: Callable[[Path], bytes], says: str
) -> None:
    error = answered(tmp_path / "sent", make(tmp_path / "a.wav"))["error"]
    assert error.startswith("my trip.wav: ")
    assert says in error
    assert "/proc" not in error
    assert "\n" not in error


def test_a_picture_that_is_called_wav_is_told_to_the_page(page: Served) -> None:
    answer = judged(page, PNG, "my trip.wav")
    assert answer.status == 200
    assert answer.lines[-1]["error"].startswith("my trip.wav: cannot be read as sound")
    assert page.ask("/").status == 200


def test_a_recording_in_which_nobody_speaks_can_still_be_looked_at(tmp_path: Path) -> None:
    quiet = recordings.write(tmp_path / "a.wav", np.zeros(2 * RATE_HZ, np.float32))
    result = answered(tmp_path / "sent", quiet.read_bytes())["result"]
    assert "nobody speaks" in result["models"][0]["error"]
    assert "label" not in result["models"][0]
    assert result["curves"]["duration_s"] == pytest.approx(2.0)
    assert {one["name"]: one["value"] for one in result["features"]}["pitch_mean_hz"] == 0.0


@pytest.mark.parametrize("n_samples", [1, 100, 600])
def test_a_recording_shorter_than_a_frame_is_answered(tmp_path: Path, n_samples: int) -> None:
    short = recordings.write(tmp_path / "a.wav", recordings.speech()[:n_samples])
    assert "nobody speaks" in answered(tmp_path / "sent", short.read_bytes())["result"]["models"][0]["error"]


def test_two_gigabytes_are_refused_before_they_are_sent(page: Served) -> None:
    with contextlib.closing(page.connect()) as connection:
        connection.putrequest("POST", "/api/analyse")
        for name, value in (("Origin", f"http://{page.host}"), ("Content-Length", str(2 << 30))):
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        assert response.status == 413
        assert "larger than 100 MB" in json.loads(response.read())["error"]


def test_what_does_not_tell_its_size_is_cut_short(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyse, "MOST_BYTES", 10**6)
    with contextlib.closing(page.connect()) as connection:
        chunks = iter([b"x" * 400_000] * 3)
        connection.request("POST", "/api/analyse", chunks, {"Origin": f"http://{page.host}"}, encode_chunked=True)
        assert connection.getresponse().status == 413
    assert analyse.MOST_AT_ONCE == 2
    assert judged(page, b"").status == 200


def test_a_recording_that_trickles_in_is_not_waited_for(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyse, "UPLOAD_S", 0.2)
    with contextlib.closing(page.connect()) as connection:
        connection.putrequest("POST", "/api/analyse")
        for name, value in (("Origin", f"http://{page.host}"), ("Content-Length", "1000")):
            connection.putheader(name, value)
        connection.endheaders(b"RIFF")
        response = connection.getresponse()
        assert response.status == 408
        assert "did not arrive" in json.loads(response.read())["error"]


@pytest.mark.parametrize(
    "models", [("nonsense",), ("../../etc/passwd",), ("affectnet", "affectnet"), ("affectnet", "cl-emodb", "affectnet-free")]
)
def test_models_that_are_none_are_refused(page: Served, models: tuple[str, ...]) -> None:
    answer = judged(page, RECORDING.read_bytes(), models=models)
    assert answer.status == 400
    assert "different models of affectnet" in answer.json["error"]


def long_recording(path: Path) -> bytes:
    """Ten minutes: it takes seconds."""
    return recordings.write(path, np.tile(recordings.speech(), 24)).read_bytes()


@contextlib.contextmanager
def begun(page: Served, content: bytes) -> Iterator[None]:
    """A recording that is being judged, until the person hangs up."""
    with contextlib.closing(page.connect()) as connection:
        connection.request("POST", "/api/analyse?name=long.wav&model=affectnet", content, {"Origin": f"http://{page.host}"})
        response = connection.getresponse()
        assert response.status == 200
        assert "progress" in json.loads(response.readline())
        yield
        # else the answer would keep the connection open
        response.close()


def test_who_hangs_up_has_cancelled_and_no_more_than_two_are_judged_at_once(page: Served, tmp_path: Path) -> None:
    content = long_recording(tmp_path / "a.wav")
    with begun(page, content), begun(page, content):
        assert len(workers()) == 2
        busy = judged(page, b"")
        assert busy.status == 429
        assert "try again in a moment" in busy.json["error"]
    await_that(lambda: not workers())
    assert "is empty" in judged(page, b"").lines[-1]["error"]


def kill_a_worker() -> None:
    """As soon as there is one."""
    await_that(lambda: bool(workers()))
    os.kill(workers()[0], signal.SIGKILL)


def test_a_worker_that_dies_is_told_and_the_page_lives(page: Served, tmp_path: Path) -> None:
    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    answer = judged(page, long_recording(tmp_path / "a.wav"))
    killer.join()
    assert "needs more memory or time than a recording gets here" in answer.lines[-1]["error"]
    assert page.ask("/").status == 200


def test_what_takes_too_long_is_ended(page: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyse, "WORK_S", 0.1)
    assert "took longer" in judged(page, long_recording(tmp_path / "a.wav")).lines[-1]["error"]
    await_that(lambda: not workers())


def test_the_choices_begin_with_the_services_own_model(page: Served) -> None:
    choices = page.ask("/api/models").json
    assert choices["models"][0] == registry.DEFAULT
    assert set(choices["models"]) == set(registry.names())
