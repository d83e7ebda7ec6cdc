"""From settings to a pipeline that can run."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import Callable, Sequence

from daemon import gate
from daemon.acquaintance import Acquaintance
from daemon.capture import require_pyaudio
from daemon.capture.live import LiveMicrophone
from daemon.capture.liveness import Counts
from daemon.capture.recording import Recording
from daemon.errors import SettingsError
from daemon.listener import Listener
from daemon.messages import Composer
from daemon.pipeline import Pipeline
from daemon.ports import AudioSource, Clock, Model, Sink
from daemon.seat import Seat
from daemon.service.metrics import Metrics
from daemon.settings import Settings, SourceSettings
from dsp.errors import ParamError
from dsp.frontend import kernels_kept_in, warm_up
from dsp.params import whole_samples
from models import runtime, speech
from models.contract import STREAM, Contract
from models.errors import ContractMismatch
from models.providers import Inference, Wish
from models.speech import SpeechTest

logger = logging.getLogger(__name__)

BLOCK_MS = 20.0
LONGEST_BLOCK_MS = 1000.0


def new_boot() -> str:
    """A name for this run of the service."""
    return secrets.token_hex(4)


def open_model(name: str, wish: Wish | None = None) -> Model:
    """The model, and the kernels of its front end, ready. `wish`: what it is to run on; None: the CPU. Raises ModelError."""
    model: Model = runtime.open_model(name, wish)
    if wish:
        _tell_of(model.inference)
    try:
        warm_up(model.contract.front_end)
    except ParamError as trouble:
        raise ContractMismatch(f"model {name}: its front end cannot be built: {trouble}; export it again") from trouble
    if model.contract.form == STREAM and speech.shipped(model.contract.front_end) is None:
        logger.warning("model %s: nothing tells speech from noise by its front end: all that is loud is judged", name)
    if kernels_kept_in() is None:
        logger.warning(
            "the front end is compiled anew at every start: no cache can be written; name a folder in NUMBA_CACHE_DIR"
        )
    return model


def _tell_of(inference: Inference) -> None:
    took = "" if inference.trial_ms is None else f", {inference.trial_ms:g} ms an answer"
    logger.info("the model runs on: %s%s", inference.provider, took)
    for other, reason in inference.refused.items():
        logger.info("not on %s: %s", other, reason)


def block_samples(contract: Contract) -> int:
    """What a source delivers at a time."""
    return whole_samples(BLOCK_MS, contract.front_end.sample_rate_hz)


def open_recording(path: Path, name: str, contract: Contract, speed: float | None, live: bool = False) -> Recording:
    """A recording at the model's rate. Raises RecordingError."""
    return Recording(path, name, contract.front_end.sample_rate_hz, block_samples(contract), speed, live)


def open_source(settings: SourceSettings, contract: Contract, on_block: Callable[[], None], counts: Counts) -> AudioSource:
    """The microphone, which may come later, or the recording in its place, at its pace.

    Raises RecordingError, or DeviceError without PyAudio.
    """
    if settings.recording:
        return open_recording(Path(settings.recording), settings.name, contract, settings.speed, live=True)
    require_pyaudio()
    rate_hz = contract.front_end.sample_rate_hz
    return LiveMicrophone(settings.device, settings.name, rate_hz, block_samples(contract), on_block, counts)


def assemble(
    settings: Settings,
    model: Model,
    sources: Sequence[AudioSource],
    sink: Sink,
    clock: Clock,
    boot: str,
    metrics: Metrics | None = None,
) -> tuple[Pipeline, list[Seat]]:
    """A pipeline with one seat for each source. Raises SettingsError for a stride that does not fit the model."""
    contract = model.contract
    if contract.front_end.sample_rate_hz not in gate.VAD_RATES_HZ:
        raise SettingsError(
            f"model {contract.name!r} wants {contract.front_end.sample_rate_hz} Hz: the speech gate hears {gate.VAD_RATES_HZ}"
        )
    seats = [_seat(settings, model, source, clock, boot) for source in sources]
    return Pipeline(seats, model, sink, clock, metrics or Metrics()), seats


def _seat(settings: Settings, model: Model, source: AudioSource, clock: Clock, boot: str) -> Seat:
    contract = model.contract
    composer = Composer(settings.node.name, source.name, boot, contract, model.identity, clock)
    # a model of windows makes no use of what is known of a speaker
    knows = settings.seat.adapt and contract.form == STREAM
    acquaintance = Acquaintance(source.name, contract.front_end, settings.seat) if knows else None
    decision = settings.decision.with_model(contract)
    return Seat(source, lambda: listener(settings, contract), composer, model, decision, acquaintance=acquaintance)


def listener(settings: Settings, contract: Contract) -> Listener:
    """What hears one seat. Raises SettingsError for a stride or a time of the gate that does not fit the model's rate."""
    rate_hz = contract.front_end.sample_rate_hz
    try:
        return Listener(
            contract.front_end,
            contract.window_frames,
            _stride_frames(settings, contract),
            settings.gate,
            gate.webrtc_detector(settings.gate.aggressiveness, rate_hz),
            whole_samples(LONGEST_BLOCK_MS, rate_hz),
            _speech_test(settings, contract),
        )
    except ParamError as trouble:
        raise SettingsError(f"[gate] {trouble}") from trouble


def _speech_test(settings: Settings, contract: Contract) -> SpeechTest | None:
    """Models of windows were scored without it."""
    asked = settings.gate.speech_only and contract.form == STREAM
    numbers = speech.shipped(contract.front_end) if asked else None
    return SpeechTest(numbers, contract.front_end) if numbers else None


def _stride_frames(settings: Settings, contract: Contract) -> int:
    if settings.model.stride_ms == 0.0:
        return contract.stride_frames
    try:
        samples = whole_samples(settings.model.stride_ms, contract.front_end.sample_rate_hz)
    except ParamError as trouble:
        raise SettingsError(f"[model] stride_ms: {trouble}") from trouble
    frames, rest = divmod(samples, contract.front_end.hop_samples)
    if rest:
        hop_ms = contract.front_end.hop_ms
        raise SettingsError(
            f"[model] stride_ms is {settings.model.stride_ms:g}: want a multiple of {hop_ms:g}, the hop of {contract.name!r}"
        )
    return frames
