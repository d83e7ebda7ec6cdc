"""What a model runs on is what a trial found fast and right. GPUs are acted: see tests/fixtures/fake_gpu.py."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import choosing, engines, registry, runtime
from models.engines import EngineFolder, engine_folder
from models.errors import ModelError
from models.placing import LONGEST_PIECE_FRAMES
from models.providers import AUTO, CPU, CUDA, NAMES, TENSORRT, Inference, Wish, placement
from models.streaming import StreamModel
from tests.fixtures.fake_gpu import BUILT_WITH, ENGINE, FakeGpu
from tests.fixtures.stream_model import FILE

WINDOWS_MODEL = "cl-emodb"
STREAM_MODEL = str(FILE)
SLOW_S = 0.03
"""So much an answer is slower that no load of the machine makes up for it: the shortest of many counts."""


def opened(gpu: FakeGpu, wish: Wish, name: str = STREAM_MODEL) -> Any:
    return runtime.open_model(name, wish, make=gpu, built_with=BUILT_WITH)


def test_not_asked_for_anything_else_a_model_runs_on_the_cpu_and_nothing_is_tried() -> None:
    gpu = FakeGpu()
    assert runtime.open_model(STREAM_MODEL, make=gpu).inference == Inference(CPU, None, {})
    assert opened(gpu, Wish(CPU)).inference == Inference(CPU, None, {})
    assert gpu.made == [{NAMES[CPU]: {}}] * 2


def test_where_onnx_runtime_has_no_other_auto_is_the_cpu_without_a_trial() -> None:
    inference = runtime.open_model(STREAM_MODEL, Wish(AUTO), built_with=[NAMES[CPU]]).inference
    assert (inference.provider, inference.trial_ms) == (CPU, None)
    assert list(inference.refused) == [TENSORRT, CUDA]
    assert all("NVIDIA's onnxruntime-gpu has it" in why for why in inference.refused.values())


@pytest.mark.parametrize("name", [WINDOWS_MODEL, STREAM_MODEL])
def test_on_an_acted_gpu_auto_takes_the_fastest(name: str, tmp_path: Path) -> None:
    inference = opened(FakeGpu(slow_s={CPU: SLOW_S, TENSORRT: SLOW_S}), Wish(AUTO, tmp_path), name).inference
    assert inference.provider == CUDA
    assert inference.trial_ms is not None
    assert inference.trial_ms > 0.0
    assert "there is no engine yet" in inference.refused[TENSORRT]
    assert inference.refused[CPU].startswith("slower here: ")


def test_on_an_acted_gpu_that_is_slower_a_small_model_stays_on_the_cpu() -> None:
    inference = opened(FakeGpu(slow_s={CUDA: SLOW_S}), Wish(AUTO)).inference
    assert inference.provider == CPU
    assert inference.trial_ms is not None
    assert "slower here" in inference.refused[CUDA]
    assert "cpu takes" in inference.refused[CUDA]


def test_what_is_named_is_taken_on_an_acted_gpu_even_if_it_is_slower() -> None:
    inference = opened(FakeGpu(slow_s={CUDA: SLOW_S}), Wish(CUDA)).inference
    assert inference.provider == CUDA
    assert inference.refused == {}


@pytest.mark.parametrize("off", [5.0, float("nan")])
def test_on_an_acted_gpu_fast_but_wrong_answers_are_refused(off: float) -> None:
    gpu = FakeGpu(slow_s={CPU: SLOW_S}, off={CUDA: off})
    inference = opened(gpu, Wish(AUTO), WINDOWS_MODEL).inference
    assert inference.provider == CPU
    assert "it answers wrongly: a probability is off by" in inference.refused[CUDA]


def test_on_an_acted_gpu_what_rounding_does_to_an_answer_passes() -> None:
    inference = opened(FakeGpu(slow_s={CPU: SLOW_S}, off={CUDA: 0.02}), Wish(AUTO), WINDOWS_MODEL).inference
    assert inference.provider == CUDA


BROKEN = [
    (
        FakeGpu(broken={CUDA: "libcudart.so.11.0: cannot open shared object file\nand a page more"}),
        "cannot open shared object file",
    ),
    (FakeGpu(broken={CUDA: ""}), "cannot be loaded on CUDAExecutionProvider"),
    (FakeGpu(broken_runs={CUDA: "CUDA failure 2: out of memory"}), "CUDA failure 2: out of memory"),
]


@pytest.mark.parametrize(("gpu", "says"), BROKEN, ids=["raises", "left out in silence", "fails when asked"])
@pytest.mark.parametrize("name", [WINDOWS_MODEL, STREAM_MODEL])
def test_an_acted_gpu_that_does_not_work_is_told_in_one_line_and_the_cpu_answers(gpu: FakeGpu, says: str, name: str) -> None:
    inference = opened(gpu, Wish(AUTO), name).inference
    assert inference.provider == CPU
    assert says in inference.refused[CUDA]
    assert "\n" not in inference.refused[CUDA]


def test_what_is_named_and_does_not_work_on_an_acted_gpu_is_an_error_with_the_reason() -> None:
    with pytest.raises(ModelError, match=r'provider = "cuda" cannot be had: .*out of memory.*"auto" takes what works'):
        opened(FakeGpu(broken={CUDA: "out of memory"}), Wish(CUDA))


def test_the_model_that_is_chosen_on_an_acted_gpu_goes_on_answering_there() -> None:
    model = opened(FakeGpu(slow_s={CPU: SLOW_S}), Wish(AUTO))
    assert isinstance(model, StreamModel)
    assert choosing.trial(model).fastest_ms < SLOW_S * 1e3


# --- TensorRT, whose engine takes minutes to build ---------------------------------------------------------------------


def test_with_an_acted_tensorrt_an_engine_is_built_only_when_asked_for_and_then_kept(tmp_path: Path) -> None:
    slow: list[float] = []
    gpu = FakeGpu(slow_s={CPU: SLOW_S, CUDA: SLOW_S})
    first = opened(gpu, Wish(TENSORRT, tmp_path, slow.append)).inference
    assert first.provider == TENSORRT
    assert slow == [engines.LONGEST_BUILD_S]
    (folder,) = tmp_path.iterdir()
    assert EngineFolder(folder).is_built
    assert (folder / ENGINE).read_bytes() == b"engine"
    assert opened(gpu, Wish(AUTO, tmp_path, slow.append)).inference.provider == TENSORRT
    assert opened(gpu, Wish(TENSORRT, tmp_path, slow.append)).inference.provider == TENSORRT
    assert len(slow) == 1


def test_an_acted_tensorrt_is_told_of_16_bits_of_both_caches_and_of_every_length(tmp_path: Path) -> None:
    gpu = FakeGpu()
    model = opened(gpu, Wish(TENSORRT, tmp_path))
    (folder,) = tmp_path.iterdir()
    options = gpu.made[-1][NAMES[TENSORRT]]
    assert list(gpu.made[-1]) == [NAMES[TENSORRT], NAMES[CUDA], NAMES[CPU]]
    assert (options["trt_fp16_enable"], options["trt_engine_cache_enable"], options["trt_timing_cache_enable"]) == (True,) * 3
    assert options["trt_engine_cache_path"] == str(folder)
    n_mels, stride = model.contract.front_end.n_mels, model.contract.stride_frames
    for which, n_frames in (("min", 4), ("opt", stride), ("max", LONGEST_PIECE_FRAMES)):
        shapes = options[f"trt_profile_{which}_shapes"].split(",")
        assert f"log_mel:1x{n_frames}x{n_mels}" in shapes
        assert {one.split(":")[0] for one in shapes} == {put.name for put in model._session.get_inputs()}


def test_a_build_that_was_broken_off_with_an_acted_tensorrt_is_begun_anew(tmp_path: Path) -> None:
    gpu = FakeGpu(slow_s={CPU: SLOW_S, CUDA: SLOW_S}, broken_runs={TENSORRT: "out of memory"})
    with pytest.raises(ModelError, match="out of memory"):
        opened(gpu, Wish(TENSORRT, tmp_path))
    (folder,) = tmp_path.iterdir()
    assert not EngineFolder(folder).is_built
    (folder / "half.engine").write_bytes(b"half")
    gpu.broken_runs = {}
    assert "no engine yet" in opened(gpu, Wish(AUTO, tmp_path)).inference.refused[TENSORRT]
    assert opened(gpu, Wish(TENSORRT, tmp_path)).inference.provider == TENSORRT
    assert not (folder / "half.engine").exists()


def test_an_acted_tensorrt_without_a_place_for_its_engine_is_refused(tmp_path: Path) -> None:
    assert "name one in $CACHE_DIRECTORY" in opened(FakeGpu(), Wish(AUTO)).inference.refused[TENSORRT]
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(ModelError, match=r"no engine can be kept in .*file"):
        opened(FakeGpu(), Wish(TENSORRT, blocked))


def test_an_engine_fits_one_model_one_version_and_one_gpu(tmp_path: Path) -> None:
    own = ("a" * 64, "1.16.3", "8502", "NVIDIA Jetson Xavier NX Developer Kit")
    name = engine_folder(tmp_path, *own).path.name
    assert name == "aaaaaaaaaaaaaaaa-ort1.16.3-trt8502-NVIDIA_Jetson_Xavier_NX_Developer_Kit"
    others = [("b" * 64, *own[1:]), (own[0], "1.18.0", *own[2:]), (*own[:2], "8600", own[3]), (*own[:3], "NVIDIA Orin")]
    assert len({name, *(engine_folder(tmp_path, *other).path.name for other in others)}) == 5


@given(st.text(min_size=1, max_size=40))
def test_whatever_a_gpu_is_called_its_folder_is_one_folder(gpu: str) -> None:
    path = engine_folder(Path("/engines"), "a" * 64, "1.16.3", "8502", gpu).path
    assert path.parent == Path("/engines")
    assert "/" not in path.name
    assert os.fsencode(path.name).isascii()


def test_the_name_of_the_gpu_is_read_where_the_kernel_tells_it(tmp_path: Path) -> None:
    assert engines.gpu_name(tmp_path) == "unknown"
    card = tmp_path / "proc" / "driver" / "nvidia" / "gpus" / "0000:01:00.0" / "information"
    card.parent.mkdir(parents=True)
    card.write_text("Model: \t\t NVIDIA RTX A2000\nIRQ:   \t\t 90\n")
    assert engines.gpu_name(tmp_path) == "NVIDIA RTX A2000"
    board = tmp_path / "proc" / "device-tree" / "model"
    board.parent.mkdir()
    board.write_bytes(b"NVIDIA Jetson Xavier NX Developer Kit\x00")
    assert engines.gpu_name(tmp_path) == "NVIDIA Jetson Xavier NX Developer Kit"


@pytest.mark.parametrize(("version", "named"), [("1.16.3", False), ("1.17.0", True), ("1.31.0", True)])
def test_onnx_runtime_is_told_where_timings_go_from_the_version_on_that_knows(version: str, named: bool) -> None:
    options = placement(TENSORRT, {}, Path("/engines/one"), version)[0][1]
    assert ("trt_timing_cache_path" in options) is named
    assert not [name for name in options if "profile" in name]


def test_every_model_that_ships_passes_a_trial_against_itself() -> None:
    for name in registry.names():
        model = runtime.open_model(name)
        choosing.require_same(choosing.trial(model), choosing.trial(runtime.open_model(name)))
