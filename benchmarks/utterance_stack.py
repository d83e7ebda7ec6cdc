"""The stack that a user would write: librosa's features and CL in PyTorch, eager, with the weights of the model that ships."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from dsp.params import FrontEndParams
from dsp.spectrum import linear_bank
from dsp.window import utterance_windows
from models.contract import Contract
from models.registry import Artefact

F32 = NDArray[np.float32]
ONNX_GATES, TORCH_GATES = "iofc", "ifco"
"""In which order the gates of an LSTM lie."""


def stack(artefact: Artefact, contract: Contract) -> Callable[[F32], NDArray[np.float64]]:
    """Samples to the probabilities of each window, as `EmotionModel.predict` gives them: (n_windows, n_labels)."""
    import torch

    torch.set_num_threads(1)
    front_end = contract.front_end
    network = network_of(artefact, contract)
    frames = _frames(front_end)
    columns = [front_end.columns(kind) for kind in network.inputs]

    def probabilities(samples: F32) -> NDArray[np.float64]:
        windows = utterance_windows(frames(samples), front_end, contract.window_frames, contract.stride_frames)
        with torch.inference_mode():
            logits = network(*(torch.from_numpy(windows[:, :, of_kind]) for of_kind in columns))
            return np.asarray(torch.softmax(logits / contract.temperature, dim=1).double().numpy())

    return probabilities


def network_of(artefact: Artefact, contract: Contract) -> Any:
    """CL in PyTorch, with the weights of the file."""
    import torch

    from models.networks.cl import CL

    front_end = contract.front_end
    network = CL(contract.window_frames, front_end.n_bands, front_end.n_mfcc, len(contract.labels))
    network.load_state_dict({name: torch.from_numpy(values.copy()) for name, values in _weights(artefact).items()})
    return network.eval()


def _frames(params: FrontEndParams) -> Callable[[F32], F32]:
    """(n,) samples to (n_frames, n_bands + n_mfcc): spectrogram and MFCC, with our settings."""
    import librosa

    before = (params.n_fft - params.frame_samples) // 2
    taper, bands = np.hamming(params.frame_samples), linear_bank(params)
    mels: dict[str, Any] = {
        "n_mels": params.n_mels,
        "fmin": params.f_min_hz,
        "fmax": params.f_max_hz,
        "htk": True,
        "norm": None,
    }

    def frames(samples: F32) -> F32:
        emphasised = np.pad(librosa.effects.preemphasis(samples, coef=params.pre_emphasis, zi=[0.0]), before)
        spectra = librosa.stft(
            emphasised,
            n_fft=params.n_fft,
            hop_length=params.hop_samples,
            win_length=params.frame_samples,
            window=taper,
            center=False,
        )
        power = np.abs(spectra) ** 2
        log_mel = np.log(librosa.feature.melspectrogram(S=power, sr=params.sample_rate_hz, **mels) + params.log_floor)
        mfcc = librosa.feature.mfcc(S=log_mel, n_mfcc=params.n_mfcc)
        spectrogram = np.log(bands @ power + params.log_floor)
        return np.ascontiguousarray(np.concatenate([spectrogram, mfcc]).T, dtype=np.float32)

    return frames


def _weights(artefact: Artefact) -> dict[str, F32]:
    """As PyTorch names and lays them out."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_from_string(artefact.content).graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    weights = {name: values for name, values in held.items() if name.startswith(("convolutions.", "head."))}
    for layer, node in enumerate(node for node in graph.node if node.op_type == "LSTM"):
        into, back, biases = (held[name][0] for name in node.input[1:4])
        weights[f"lstm.weight_ih_l{layer}"], weights[f"lstm.weight_hh_l{layer}"] = _in_order(into), _in_order(back)
        of_into, of_back = np.split(biases, 2)
        weights[f"lstm.bias_ih_l{layer}"], weights[f"lstm.bias_hh_l{layer}"] = _in_order(of_into), _in_order(of_back)
    return weights


def _in_order(gates: F32) -> F32:
    by_name = dict(zip(ONNX_GATES, np.split(gates, len(ONNX_GATES))))
    return np.concatenate([by_name[gate] for gate in TORCH_GATES])
