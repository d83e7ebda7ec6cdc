"""A recording as a source: bit-exact where it can be, converted by rule where not, refused when it is damaged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from daemon.capture.recording import Recording
from daemon.errors import RecordingError
from daemon.events import Block
from tests.daemon import recordings
from tests.daemon.recordings import RATE_HZ, Float

BLOCK_SAMPLES = 320


@pytest.fixture(scope="module")
def speech() -> Float:
    """The first 6 s, somebody speaking in them."""
    return recordings.speech()[: 6 * RATE_HZ]


def played(path: Path, block_samples: int = BLOCK_SAMPLES) -> list[Block]:
    """Every block; fails unless the positions are without a hole and only the last is shorter."""
    found: list[Block] = []
    with Recording(path, "seat", RATE_HZ, block_samples) as source:
        while not source.ended:
            block = source.read()
            if block is not None:
                found.append(block)
        assert source.read() is None
    assert [one.start_sample for one in found[1:]] == [one.end_sample for one in found[:-1]]
    assert all(len(one.samples) == block_samples for one in found[:-1])
    assert 0 < len(found[-1].samples) <= block_samples
    return found


def heard(path: Path, block_samples: int = BLOCK_SAMPLES) -> NDArray[np.int16]:
    return np.concatenate([one.samples for one in played(path, block_samples)])


def snr_db(wanted: NDArray[np.int16], got: NDArray[np.int16]) -> float:
    n = min(len(wanted), len(got))
    assert abs(len(wanted) - len(got)) <= 1
    noise = wanted[:n].astype(np.float64) - got[:n]
    return float(10.0 * np.log10(np.square(wanted[:n], dtype=np.float64).sum() / max(1e-9, np.square(noise).sum())))


def as_int16(samples: Float) -> NDArray[np.int16]:
    return np.asarray(np.clip(np.rint(samples * 32768.0), -32768, 32767), np.int16)


@pytest.mark.parametrize("block_samples", [1, 320, 16001])
@pytest.mark.parametrize(
    ("name", "subtype"), [("a.wav", "PCM_16"), ("a.flac", "PCM_16"), ("a.wav", "PCM_24"), ("a.wav", "FLOAT")]
)
def test_sixteen_bits_arrive_bit_for_bit(tmp_path: Path, speech: Float, name: str, subtype: str, block_samples: int) -> None:
    short = speech[: 2 * RATE_HZ + 17]
    path = recordings.write(tmp_path / name, short, subtype=subtype)
    np.testing.assert_array_equal(heard(path, block_samples), as_int16(short))


def test_eight_bits_keep_what_they_have(tmp_path: Path, speech: Float) -> None:
    path = recordings.write(tmp_path / "a.wav", speech, subtype="PCM_U8")
    assert np.abs(heard(path).astype(int) - as_int16(speech)).max() <= 256


@pytest.mark.parametrize("n_channels", [2, 6])
def test_channels_are_averaged(tmp_path: Path, speech: Float, n_channels: int) -> None:
    path = recordings.write(tmp_path / "a.wav", recordings.channels(speech, n_channels))
    np.testing.assert_array_equal(heard(path), as_int16(speech))
    one_of_them = recordings.channels(speech, n_channels) * np.eye(1, n_channels, dtype=np.float32)
    path = recordings.write(tmp_path / "b.wav", one_of_them)
    assert np.abs(heard(path).astype(int) - as_int16((speech / n_channels).astype(np.float32))).max() <= 1


@pytest.mark.parametrize(("rate_hz", "least_db"), [(24000, 40.0), (44100, 40.0), (48000, 40.0), (8000, 5.0)])
def test_another_rate_is_resampled(tmp_path: Path, speech: Float, rate_hz: int, least_db: float) -> None:
    path = recordings.write(tmp_path / "a.wav", recordings.resampled(speech, rate_hz), rate_hz, "FLOAT")
    assert snr_db(as_int16(speech), heard(path)) > least_db


def test_blocks_are_stamped_with_their_place(tmp_path: Path, speech: Float) -> None:
    path = recordings.write(tmp_path / "a.wav", speech)
    assert [one.captured_ns for one in played(path)[:3]] == [20_000_000, 40_000_000, 60_000_000]


def test_live_blocks_are_stamped_with_the_time(tmp_path: Path, speech: Float) -> None:
    path = recordings.write(tmp_path / "a.wav", speech)
    before = time.perf_counter_ns()
    with Recording(path, "seat", RATE_HZ, BLOCK_SAMPLES, speed=1000.0, live=True) as source:
        block = None
        while block is None:
            block = source.read()
    assert before < block.captured_ns <= time.perf_counter_ns()


def test_real_time_gives_no_block_before_it_is_due(tmp_path: Path, speech: Float) -> None:
    path = recordings.write(tmp_path / "a.wav", speech)
    with Recording(path, "seat", RATE_HZ, BLOCK_SAMPLES, speed=1.0) as source:
        started_ns = time.perf_counter_ns()
        assert source.read() is None
        n_blocks = 0
        while n_blocks < 10:
            if source.read() is not None:
                n_blocks += 1
                assert time.perf_counter_ns() - started_ns >= n_blocks * 20_000_000


def test_full_scale_is_held_and_what_is_beyond_is_counted(tmp_path: Path) -> None:
    samples = np.array([1.0, -1.0, 1.5, -3.0, 0.5, 32767 / 32768], np.float32)
    path = recordings.write(tmp_path / "a.wav", samples, subtype="FLOAT")
    with Recording(path, "seat", RATE_HZ, BLOCK_SAMPLES) as source:
        block = source.read()
        assert block is not None
        assert block.samples.tolist() == [32767, -32768, 32767, -32768, 16384, 32767]
        assert source.overdriven_samples == 2


def test_a_stream_of_unknown_length_is_read_to_its_end(tmp_path: Path, speech: Float) -> None:
    path = recordings.streamed_wav(tmp_path / "a.wav", speech)
    assert len(heard(path)) == len(speech)


def broken(speech: Float, index: int, value: float) -> Float:
    samples = speech.copy()
    samples[index] = value
    return samples


Make = Callable[[Path, Float], object]
REFUSED: dict[str, tuple[str, Make, str]] = {
    "missing": ("a.wav", lambda path, speech: None, "no such file"),
    "folder": ("a.wav", lambda path, speech: path.mkdir(), "is a folder, want a recording"),
    "empty": ("a.wav", lambda path, speech: path.touch(), "is empty (0 bytes)"),
    "text": (
        "a.wav",
        lambda path, speech: path.write_text("speech\n" * 99),
        "cannot be read as sound: Format not recognised; want WAV",
    ),
    "noise": ("a.flac", lambda path, speech: path.write_bytes(bytes(range(256)) * 40), "cannot be read as sound: "),
    "no samples": ("a.wav", lambda path, speech: recordings.write(path, speech[:0]), "holds 0 samples"),
    "wav cut in its header": (
        "a.wav",
        lambda path, speech: recordings.cut_off(recordings.write(path, speech), 1e-4),
        "cannot be read as sound: ",
    ),
    "flac cut in its header": (
        "a.flac",
        lambda path, speech: recordings.cut_off(recordings.write(path, speech), 2e-4),
        "cannot be read as sound: ",
    ),
    "wav cut": (
        "a.wav",
        lambda path, speech: recordings.cut_off(recordings.write(path, speech), 0.5),
        "ends after 3.0 s, its header promises 6.0 s: it was cut off",
    ),
    "aiff cut": (
        "a.aiff",
        lambda path, speech: recordings.cut_off(recordings.write(path, speech), 0.5),
        "ends after 3.0 s, its header promises 6.0 s: it was cut off",
    ),
    "au cut": (
        "a.au",
        lambda path, speech: recordings.cut_off(recordings.write(path, speech), 0.5),
        "ends after 3.0 s, its header promises 6.0 s: it was cut off",
    ),
    "flac cut": ("a.flac", lambda path, speech: recordings.cut_off(recordings.write(path, speech), 0.5), "damaged at "),
    "flac overwritten": ("a.flac", lambda path, speech: recordings.overwritten(recordings.write(path, speech)), "damaged at "),
    "NaN": (
        "a.wav",
        lambda path, speech: recordings.write(path, broken(speech, 40000, np.nan), subtype="FLOAT"),
        "holds NaN or infinity after 2.0 s",
    ),
    "infinity": (
        "a.wav",
        lambda path, speech: recordings.write(path, broken(speech, 95999, -np.inf), subtype="FLOAT"),
        "holds NaN or infinity after 5.0 s",
    ),
}


@pytest.mark.parametrize(("name", "make", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_judged_is_refused_in_one_line(tmp_path: Path, speech: Float, name: str, make: Make, says: str) -> None:
    path = tmp_path / name
    make(path, speech)
    with pytest.raises(RecordingError) as refused:
        played(path)
    assert str(refused.value).startswith(f"{path}: {says}")
    assert "\n" not in str(refused.value)


def test_the_duration_is_the_header_s(tmp_path: Path, speech: Float) -> None:
    path = recordings.write(tmp_path / "a.wav", recordings.resampled(speech, 48000), 48000)
    with Recording(path, "seat", RATE_HZ, BLOCK_SAMPLES) as source:
        assert source.duration_s == pytest.approx(6.0, abs=1e-4)
    assert soundfile.info(path).samplerate == 48000


@pytest.mark.parametrize("rate_hz", [123, 4000, 7999])
def test_a_rate_that_carries_no_speech_is_refused(tmp_path: Path, rate_hz: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(rate_hz, np.int16), rate_hz)
    with pytest.raises(RecordingError, match=f"recorded at {rate_hz} Hz, too low for speech: want 8000 Hz or more"):
        Recording(path, "cabin", 16000, 320)
