"""What is kept is what was computed, to the bit; what is damaged is computed again; a full disk is one line."""

from __future__ import annotations

import os
import shutil
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from models.lab import feature_cache
from models.lab.errors import LabError
from models.lab.feature_cache import FeatureCache, key_of
from tests.lab.small_disk import small_disk

PARAMETERS = {"n_mels": 40, "front_end": {"hop_ms": 16.0, "kinds": ["mfcc"]}}
FRAMES = np.random.default_rng(0).random((50, 13)).astype(np.float32)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    path.write_bytes(b"some sound")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


def never() -> NDArray[Any]:
    raise AssertionError("computed again")


def giving(array: NDArray[Any]) -> Callable[[], NDArray[Any]]:
    return lambda: array.copy()


def files(cache: FeatureCache) -> list[Path]:
    return sorted(path for path in cache.folder.rglob("*") if path.is_file())


def kept(cache: FeatureCache, recording: Path) -> Path:
    cache.features(recording, PARAMETERS, giving(FRAMES))
    (path,) = files(cache)
    return path


def test_what_is_kept_is_not_computed_again(cache: FeatureCache, recording: Path) -> None:
    computed = cache.features(recording, PARAMETERS, giving(FRAMES))
    again = cache.features(recording, PARAMETERS, never)
    elsewhere = FeatureCache(cache.folder).features(recording, PARAMETERS, never)
    for found in (computed, again, elsewhere):
        np.testing.assert_array_equal(found, FRAMES)
        assert found.dtype == np.float32
        assert not found.flags.writeable
    assert (cache.n_computed, cache.n_found) == (1, 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(array=arrays(st.sampled_from([np.float32, np.float64, np.int16, np.uint8]), array_shapes(min_dims=0, min_side=0)))
def test_every_bit_of_any_array_comes_back(cache: FeatureCache, recording: Path, array: NDArray[Any]) -> None:
    shutil.rmtree(cache.folder, ignore_errors=True)
    cache.features(recording, PARAMETERS, giving(np.array(array, order="F")))
    found = cache.features(recording, PARAMETERS, never)
    assert (found.shape, found.dtype, found.tobytes()) == (array.shape, array.dtype, array.tobytes())
    assert found.flags.c_contiguous


def test_the_key_is_the_content_and_every_parameter(recording: Path) -> None:
    key = key_of(recording, PARAMETERS)
    moved = recording.rename(recording.with_name("b.flac"))
    assert key_of(moved, dict(reversed(PARAMETERS.items()))) == key
    others: list[dict[str, Any]] = [
        {**PARAMETERS, "n_mels": 41},
        {**PARAMETERS, "n_mels": 40.0},
        {**PARAMETERS, "front_end": {"hop_ms": 16.0, "kinds": ["mfcc", "zcr"]}},
        {**PARAMETERS, "trim_db": None},
        {},
    ]
    moved_keys = {key_of(moved, parameters) for parameters in others}
    moved.write_bytes(b"some sounD")
    assert len({key, *moved_keys, key_of(moved, PARAMETERS)}) == 7


def test_parameters_that_json_does_not_know_are_our_own_mistake(recording: Path) -> None:
    for value in (np.float32(1.0), {1, 2}, recording):
        with pytest.raises(TypeError, match="not JSON serializable"):
            key_of(recording, {"value": value})
    with pytest.raises(ValueError, match="not JSON compliant"):
        key_of(recording, {"value": float("nan")})


def test_an_unreadable_recording_is_one_line(cache: FeatureCache, tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"absent\.wav: cannot be read \(No such file or directory\)"):
        cache.features(tmp_path / "absent.wav", PARAMETERS, never)


@pytest.mark.parametrize("n_bytes", [0, 1, 31, 32, 100, 2000])
def test_a_cut_file_is_computed_again(cache: FeatureCache, recording: Path, n_bytes: int) -> None:
    path = kept(cache, recording)
    whole = path.read_bytes()
    path.write_bytes(whole[:n_bytes])
    np.testing.assert_array_equal(cache.features(recording, PARAMETERS, giving(FRAMES)), FRAMES)
    assert (cache.n_computed, path.read_bytes()) == (2, whole)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_bit_is_noticed(cache: FeatureCache, recording: Path, data: st.DataObject) -> None:
    path = kept(cache, recording)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    n_before = cache.n_computed
    np.testing.assert_array_equal(cache.features(recording, PARAMETERS, giving(FRAMES)), FRAMES)
    assert cache.n_computed == n_before + 1


def test_a_foreign_file_is_computed_again(cache: FeatureCache, recording: Path, tmp_path: Path) -> None:
    path = kept(cache, recording)
    np.save(tmp_path / "foreign.npy", np.zeros((50, 13), np.float32))
    pickled = np.array([print], dtype=object)  # would run what it likes if it were loaded
    np.save(tmp_path / "pickled.npy", pickled, allow_pickle=True)
    (tmp_path / "text.npy").write_text("hello")
    for name in ("foreign", "pickled", "text"):
        shutil.copy(tmp_path / f"{name}.npy", path)
        np.testing.assert_array_equal(cache.features(recording, PARAMETERS, giving(FRAMES)), FRAMES)
        np.testing.assert_array_equal(cache.features(recording, PARAMETERS, never), FRAMES)


def test_an_array_under_anothers_name_is_computed_again(cache: FeatureCache, recording: Path) -> None:
    path = kept(cache, recording)
    cache.features(recording, {"n_mels": 1}, giving(FRAMES + 1))
    (other,) = set(files(cache)) - {path}
    shutil.copy(path, other)
    np.testing.assert_array_equal(cache.features(recording, {"n_mels": 1}, giving(FRAMES + 1)), FRAMES + 1)


def test_the_files_are_npy(cache: FeatureCache, recording: Path) -> None:
    np.testing.assert_array_equal(np.load(kept(cache, recording), allow_pickle=False), FRAMES)


def test_objects_are_not_kept(cache: FeatureCache, recording: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        cache.features(recording, PARAMETERS, giving(np.array([{}], dtype=object)))
    assert files(cache) == []


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(cache: FeatureCache, recording: Path) -> None:
    with pytest.raises(LabError) as refusal, small_disk():
        cache.features(recording, PARAMETERS, giving(FRAMES))
    said = str(refusal.value)
    assert ".npy: cannot be written (File too large): make room, or set AFFECTD_CACHE" in said
    assert "\n" not in said
    assert files(cache) == []


def test_a_full_disk_leaves_what_was_there(cache: FeatureCache, recording: Path) -> None:
    path = kept(cache, recording)
    with pytest.raises(LabError, match="cannot be written"), small_disk():
        cache.features(recording, {"n_mels": 1}, giving(FRAMES))
    assert files(cache) == [path]
    np.testing.assert_array_equal(cache.features(recording, PARAMETERS, never), FRAMES)


def test_a_folder_that_cannot_be_is_one_line(recording: Path) -> None:
    with pytest.raises(LabError, match=r"cannot be written \(Not a directory\)"):
        FeatureCache(recording / "cache").features(recording, PARAMETERS, giving(FRAMES))


def test_a_stopped_write_leaves_nothing(cache: FeatureCache, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        cache.features(recording, PARAMETERS, giving(FRAMES))
    assert files(cache) == []


def test_a_failed_computation_keeps_nothing(cache: FeatureCache, recording: Path) -> None:
    with pytest.raises(AssertionError, match="computed again"):
        cache.features(recording, PARAMETERS, never)
    assert not cache.folder.exists()


def hammer(folder: Path, recording: Path, worker: int) -> bool:
    cache = FeatureCache(folder)
    return all(
        np.array_equal(cache.features(recording, {"k": k % 5}, giving(FRAMES + k % 5)), FRAMES + k % 5)
        for k in range(worker, 100)
    )


def test_several_may_keep_the_same_at_a_time(cache: FeatureCache, recording: Path) -> None:
    with ThreadPool(3) as pool:
        assert all(pool.starmap(hammer, [(cache.folder, recording, worker) for worker in range(3)]))
    assert len(files(cache)) == 5


def test_the_folder_is_the_variable_or_under_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFFECTD_CACHE", str(tmp_path))
    assert feature_cache.cache_folder() == tmp_path
    monkeypatch.setenv("AFFECTD_CACHE", "")
    assert feature_cache.cache_folder() == Path("build/lab/features")
