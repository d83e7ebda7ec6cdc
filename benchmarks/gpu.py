"""The models on an NVIDIA GPU: latency of one stream, throughput of a thousand, in float32 and in half precision."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawing import AIM, OTHER, OURS, pyplot
from benchmarks.lines import columns
from benchmarks.spread import NAMES, row, spread
from benchmarks.utterance_stack import network_of
from dsp.params import LOG_MEL
from models import registry
from models.contract import STREAM, Contract
from models.providers import CUDA, placement
from models.providers import NAMES as PROVIDERS
from models.registry import Artefact
from models.session import available, open_file

MODELS = ("affectnet", "cl-emodb")
ONE, MANY = 1, 1000
AIM_STREAMS = 10_000
"""On one GPU of a data centre, each asked at its model's stride."""
N_ONE, N_MANY = 300, 30
SHORT_DIVISOR = 10
Ask = Callable[[], object]


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """By ONNX Runtime where it was built with CUDA and a session opens there, else by PyTorch."""
    way, why = _way()
    if way is None:
        raise SystemExit(f"gpu: no GPU can be had here: {why}")
    divisor = SHORT_DIVISOR if short else 1
    found = {}
    for name in MODELS:
        artefact = registry.load(name)
        contract = open_file(artefact).contract
        for precision, asks in way(artefact, contract).items():
            found[f"{name}, {precision}"] = timed(asks, contract, N_ONE // divisor, N_MANY // divisor)
    sha256 = {name: registry.load(name).sha256 for name in MODELS}
    figures = {"sha256": sha256, "gpu": _gpu_name(), "by": why, "aim_streams": AIM_STREAMS, "sides": found}
    if plot is not None:
        _draw(plot, figures)
    return figures


Way = Callable[[Artefact, Contract], Mapping[str, Mapping[int, Ask]]]
"""By precision and size of the batch, what asks the model once, from arrays of this machine to arrays of this machine."""


def _way() -> tuple[Way | None, str]:
    """How the GPU is asked, and by what; or None, and why it cannot be."""
    why = []
    built_with, version = available()
    if PROVIDERS[CUDA] in built_with:
        try:
            open_file(registry.load(MODELS[0]), placement(CUDA))
            return in_onnx_runtime, f"ONNX Runtime {version}, CUDA"
        except Exception as trouble:  # ONNX Runtime and the driver raise a dozen unrelated classes
            why.append(f"ONNX Runtime {version}: {trouble}")
    else:
        why.append(f"ONNX Runtime {version} was built without CUDA")
    if find_spec("torch") is None:
        return None, "; ".join([*why, "PyTorch is not installed"])
    import torch

    if torch.cuda.is_available():
        return lambda artefact, contract: in_torch(artefact, contract, "cuda"), f"PyTorch {torch.__version__}, CUDA"
    return None, "; ".join([*why, f"PyTorch {torch.__version__} finds none"])


def timed(asks: Mapping[int, Ask], contract: Contract, n_one: int, n_many: int) -> dict[str, Any]:
    """Milliseconds of one and of many; and the streams that this is enough for, each asked at the model's stride."""
    ms = {}
    for size, n_rounds in ((ONE, n_one), (MANY, n_many)):
        for _ in range(3):
            asks[size]()
        took_ms = np.zeros(max(2, n_rounds))
        for k in range(len(took_ms)):
            began_s = time.perf_counter()
            asks[size]()
            took_ms[k] = (time.perf_counter() - began_s) * 1e3
        ms[size] = spread(took_ms)
    front_end = contract.front_end
    stride_ms = 1e3 * contract.stride_frames * front_end.hop_samples / front_end.sample_rate_hz
    streams = round(MANY * stride_ms / ms[MANY]["p50"])
    return {"one_ms": ms[ONE], "many_ms": ms[MANY], "stride_ms": stride_ms, "streams": streams, "aim": streams >= AIM_STREAMS}


def in_onnx_runtime(artefact: Artefact, contract: Contract) -> dict[str, dict[int, Ask]]:
    """The files as they ship, and AffectNet's in half precision where the lab is there to make it."""
    files = {"fp32": artefact}
    if contract.form == STREAM and find_spec("onnx") is not None:
        from models.lab import quantise

        files["fp16"] = replace(artefact, content=quantise.fp16(artefact.content))
    found: dict[str, dict[int, Ask]] = {}
    for precision, file in files.items():
        session = open_file(file, placement(CUDA)).session
        puts = {put.name: put.shape for put in session.get_inputs()}
        found[precision] = {size: partial(session.run, None, _fed(puts, contract, size)) for size in (ONE, MANY)}
    return found


def _fed(puts: Mapping[str, list[Any]], contract: Contract, size: int) -> dict[str, NDArray[np.float32]]:
    """Noise where the sound goes in; nothing was heard before."""
    rng = np.random.default_rng(0)
    feed = {}
    for name, shape in puts.items():
        whole = [n if isinstance(n, int) else size for n in shape]
        if name == LOG_MEL and contract.form == STREAM:
            # what is open of the others counts utterances
            whole[1] = contract.stride_frames
        sounds = name == LOG_MEL or contract.form != STREAM
        feed[name] = rng.standard_normal(whole).astype(np.float32) if sounds else np.zeros(whole, np.float32)
    return feed


def in_torch(artefact: Artefact, contract: Contract, device: str) -> dict[str, dict[int, Ask]]:
    """CL with the weights that ship; AffectNet's are drawn, as its file is read by ONNX Runtime alone: its time is the same."""
    import torch

    precisions = {"fp32": None, "fp16": torch.float16 if device == "cuda" else torch.bfloat16}
    build = _affectnet if contract.form == STREAM else _cl
    ask = build(artefact, contract, device)
    found: dict[str, dict[int, Ask]] = {}
    for precision, kind in precisions.items():

        def once(size: int, kind: Any = kind) -> object:
            with torch.inference_mode(), torch.autocast(device, kind, enabled=kind is not None):
                # the answer on this machine is the end of it
                return ask(size).float().cpu()

        found[precision] = {size: partial(once, size) for size in (ONE, MANY)}
    return found


def _cl(artefact: Artefact, contract: Contract, device: str) -> Callable[[int], Any]:
    import torch

    network = network_of(artefact, contract).to(device)
    widths = [contract.front_end.width(kind) for kind in network.inputs]
    rng = np.random.default_rng(0)
    fed = {
        size: [torch.from_numpy(rng.standard_normal((size, contract.window_frames, n)).astype(np.float32)) for n in widths]
        for size in (ONE, MANY)
    }
    return lambda size: network(*(each.to(device) for each in fed[size]))


def _affectnet(_artefact: Artefact, contract: Contract, device: str) -> Callable[[int], Any]:
    import torch

    from dsp.running_functionals import n_functionals
    from models.networks.affectnet import AffectNet, Heard

    torch.manual_seed(0)
    front_end = contract.front_end
    n = n_functionals(front_end)
    network = AffectNet(front_end.n_mels, n, len(contract.labels)).eval().to(device)
    fed, state, heard = {}, {}, {}
    for size in (ONE, MANY):
        fed[size] = torch.randn(size, contract.stride_frames, front_end.n_mels), torch.zeros(size, n)
        state[size] = network.of_log_mel.begin(size)
        widths = (front_end.n_mels, 1, n, 1)
        heard[size] = Heard(*(torch.zeros(size, width, device=device) for width in widths))
    return lambda size: network(*(each.to(device) for each in fed[size]), heard[size], state[size])[0]


def _gpu_name() -> str:
    if find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return str(torch.cuda.get_device_name())
    found = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    lines = [line for path in found for line in path.read_text().splitlines() if line.startswith("Model")]
    return lines[0].split(":", 1)[1].strip() if lines else "unknown"


def table(figures: dict[str, Any]) -> str:
    """One and many, by model and precision."""
    rows = []
    for name, told in figures["sides"].items():
        rows += [row(f"{name}: one", told["one_ms"]), row(f"{name}: {MANY} at once", told["many_ms"])]
    streams = "\n".join(
        f"{name}: {told['streams']:,} streams, each asked every {told['stride_ms']:g} ms; aim {AIM_STREAMS:,}: "
        f"{'reached' if told['aim'] else 'MISSED'}"
        for name, told in figures["sides"].items()
    )
    return (
        f"{figures['gpu']}, by {figures['by']}\n\n{columns(('ms', *NAMES), rows)}\n\n{streams}\n"
        "From arrays of this machine to answers on this machine: both copies are in it; front ends and gates are not."
    )


def _draw(path: Path, figures: dict[str, Any]) -> None:
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3), layout="constrained")
    names = list(reversed(figures["sides"]))
    for y, name in enumerate(names):
        told = figures["sides"][name]
        left.barh(y, told["one_ms"]["p50"], color=OURS, height=0.6)
        left.text(told["one_ms"]["p50"], y, f"  {told['one_ms']['p50']:.2g} ms", va="center", fontsize=9)
        right.barh(y, told["streams"], color=OTHER, height=0.6)
        right.text(told["streams"], y, f"  {told['streams']:,}", va="center", fontsize=9)
    left.set_yticks(range(len(names)), names)
    left.set_title("One stream's answer, p50", loc="left", fontsize=11)
    right.set_yticks([])
    right.axvline(AIM_STREAMS, color=AIM, linewidth=2, label=f"aim: {AIM_STREAMS:,}")
    right.set_title(f"Streams, {MANY} asked at once", loc="left", fontsize=11)
    right.legend(frameon=False)
    for axes in (left, right):
        axes.margins(x=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
