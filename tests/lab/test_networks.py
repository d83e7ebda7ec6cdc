"""Every network of the five papers: its layers counted, its gradients, its export, and that it learns."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from models.networks import catalogue
from models.networks.as_keras import KerasLSTM, batch_norm_1d, counts
from models.networks.network import Network

N_LABELS = 3


@dataclass(frozen=True)
class Case:
    """One network: small for the tests that compute, in its paper's size for the one that counts."""

    window_frames: int
    widths: tuple[int, ...]
    paper: tuple[int, tuple[int, ...], int]
    """Frames, widths and labels."""
    total: int
    trainable: int


# What is counted, layer by layer. A convolution has kernel x in x out + out, a dense layer in x out + out, a batch norm
# 2 per channel to train and 2 that are not, Keras' LSTM 4 (in + units + 1) units, torch's (paper 1) 4 (in + units + 2) units.
CL_CNN = 320 + 18_496 + 36_928
CL_SPECTROGRAM_LSTM = 512 * (128 + 128 + 2) + 512 * (128 + 128 + 2)
CL_MFCC_LSTM = 512 * (13 + 128 + 2) + 512 * (128 + 128 + 2)
CL_HEAD = 128 + (128 * 64 + 64) + (64 * 7 + 7)
SPATIAL, SPATIAL_OF_MFCC, TEMPORAL = 64 * 16 * 16, 64 * 16 * 1, 128 * 128
CL_TOTAL = CL_CNN + CL_MFCC_LSTM + 128 * (SPATIAL + TEMPORAL) + CL_HEAD
CL_1_TOTAL = CL_CNN + CL_SPECTROGRAM_LSTM + 128 * (SPATIAL + TEMPORAL) + CL_HEAD
CL_2_TOTAL = CL_CNN + CL_MFCC_LSTM + 128 * (SPATIAL_OF_MFCC + TEMPORAL) + CL_HEAD
CL_3_TOTAL = CL_CNN + CL_SPECTROGRAM_LSTM + 128 * (SPATIAL_OF_MFCC + TEMPORAL) + CL_HEAD
CNN_TOTAL = CL_CNN + 128 * SPATIAL + CL_HEAD
LSTM_TOTAL = CL_MFCC_LSTM + 128 * TEMPORAL + CL_HEAD
IMAGE_TOTAL = 608 + 1_168 + 1_160 + 800 * (5_408 + 200 + 1) + 200 * (200 + 50 + 1) + 306
TWO_D_TRAINED = 640 + 36_928 + 73_856 + 147_584 + 2 * 384 + 1_024 * (128 + 256 + 1) + 1_799
ONE_D_CNN = 256 + 12_352 + 24_704 + 49_280 + 2 * 384
ONE_D_TRAINED = ONE_D_CNN + 1_024 * (128 + 256 + 1) + 1_799
ONE_D_BOTH_TRAINED = ONE_D_CNN + 2 * 1_024 * (128 + 256 + 1) + (512 * 7 + 7)
PIECES_TRAINED = 640 + 65_664 + 32_896 + 32_896 + 2 * 512 + 128 * (896 + 32 + 1) + (32 * 7 + 7)
HYBRID_CNN = 384 + 41_088 + 98_560 + 2 * 448
HYBRID_TRAINED = HYBRID_CNN + 512 * (256 + 128 + 1) + 256 * (128 + 64 + 1) + 8_320 + 2 * 128 + 8_256 + 390
FEATURES_CNN_TOTAL = 256 + (1_280 * 64 + 64) + (64 * 7 + 7)

CASES = {
    "cl": Case(16, (16, 13), (128, (128, 13), 7), CL_TOTAL, CL_TOTAL),
    "cl_control_1": Case(16, (16,), (128, (128,), 7), CL_1_TOTAL, CL_1_TOTAL),
    "cl_control_2": Case(16, (13,), (128, (13,), 7), CL_2_TOTAL, CL_2_TOTAL),
    "cl_control_3": Case(16, (16, 13), (128, (128, 13), 7), CL_3_TOTAL, CL_3_TOTAL),
    "cl_without_lstm": Case(16, (16,), (128, (128,), 7), CNN_TOTAL, CNN_TOTAL),
    "cl_without_cnn": Case(16, (13,), (128, (13,), 7), LSTM_TOTAL, LSTM_TOTAL),
    "image_cnn_lstm": Case(20, (33,), (250, (257,), 6), IMAGE_TOTAL, IMAGE_TOTAL),
    "image_cnn_lstm_scaled": Case(20, (33,), (250, (257,), 6), IMAGE_TOTAL, IMAGE_TOTAL),
    "cnn_lstm_2d": Case(256, (128,), (219, (128,), 7), TWO_D_TRAINED + 2 * 384, TWO_D_TRAINED),
    "pieces_cnn_lstm_2d": Case(30, (31,), (219, (128,), 7), PIECES_TRAINED + 1_024, PIECES_TRAINED),
    # both as the paper's summary has them
    "pieces_cnn_bilstm_2d": Case(30, (31,), (219, (128,), 7), 372_423, 371_399),
    "cnn_lstm_1d": Case(8, (128,), (350, (160,), 7), ONE_D_TRAINED + 2 * 384, ONE_D_TRAINED),
    "cnn_bilstm_1d": Case(8, (128,), (350, (160,), 7), ONE_D_BOTH_TRAINED + 2 * 384, ONE_D_BOTH_TRAINED),
    "features_cnn_lstm": Case(0, (43,), (0, (43,), 6), HYBRID_TRAINED + 2 * (448 + 128), HYBRID_TRAINED),
    # both as the paper's summary has them
    "features_dense": Case(0, (30,), (0, (30,), 6), 51_014, 50_246),
    "features_cnn": Case(0, (42,), (0, (42,), 7), FEATURES_CNN_TOTAL, FEATURES_CNN_TOTAL),
}

NAMES = sorted(CASES)
NEVER_LEARNS = {name: {"lstm_1.weight_hh_l0", "lstm_2.weight_hh_l0"} for name in ("image_cnn_lstm", "image_cnn_lstm_scaled")}
"""An LSTM over one step has no earlier state to weigh."""


def made(name: str) -> Network:
    torch.manual_seed(0)
    return catalogue.build(name, CASES[name].window_frames, CASES[name].widths, N_LABELS)


def batch_of(name: str, n: int) -> list[Tensor]:
    rng = torch.Generator().manual_seed(1)
    shape = (n,) if catalogue.takes_table(name) else (n, CASES[name].window_frames)
    return [torch.randn(*shape, width, generator=rng) for width in CASES[name].widths]


def test_every_network_of_the_catalogue_is_tested() -> None:
    assert set(CASES) == set(catalogue.NETWORKS)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_parameters_of_its_paper(name: str) -> None:
    window_frames, widths, n_labels = CASES[name].paper
    assert counts(catalogue.build(name, window_frames, widths, n_labels)) == (CASES[name].total, CASES[name].trainable)


@pytest.mark.parametrize("name", NAMES)
def test_its_inputs_are_named_and_its_logits_finite(name: str) -> None:
    network = made(name)
    assert len(network.inputs) == len(CASES[name].widths)
    logits = network(*batch_of(name, 2))
    assert logits.shape == (2, N_LABELS)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name: str) -> None:
    network = made(name)
    nn.functional.cross_entropy(network(*batch_of(name, 3)), torch.arange(3)).backward()  # type: ignore[no-untyped-call]
    learning = {key: values.grad for key, values in network.named_parameters() if values.requires_grad}
    idle = {key for key, grad in learning.items() if grad is None or not grad.any()}
    assert idle == NEVER_LEARNS.get(name, set())


@pytest.mark.parametrize("name", NAMES)
def test_one_window_is_a_row_of_a_batch(name: str) -> None:
    network, batch = made(name).eval(), batch_of(name, 3)
    with torch.no_grad():
        together = network(*batch)
        for row in range(3):
            alone = network(*(each[row : row + 1] for each in batch))
            torch.testing.assert_close(alone, together[row : row + 1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_onnx_runtime_says_what_torch_says(name: str) -> None:
    network, batch = made(name), batch_of(name, 3)
    network(*batch)  # so that batch norm has seen something
    session = onnxruntime.InferenceSession(exported(network.eval(), [each[:1] for each in batch]))
    with torch.no_grad():
        wanted = network(*batch).numpy()
    for n in (1, 3):
        given = {key: values[:n].numpy() for key, values in zip(network.inputs, batch)}
        np.testing.assert_allclose(session.run(["logits"], given)[0], wanted[:n], atol=1e-4)


def exported(network: Network, example: list[Tensor]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(example),
            buffer,  # type: ignore[arg-type]  # the exporter by tracing takes a stream
            dynamo=False,
            opset_version=17,
            input_names=list(network.inputs),
            output_names=["logits"],
            dynamic_axes={key: {0: "batch"} for key in (*network.inputs, "logits")},
        )
    return buffer.getvalue()


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"image_cnn_lstm"}))
def test_it_learns_three_windows_by_heart(name: str) -> None:
    network, batch, truth = easily_told(name)
    losses = train(network, batch, truth, torch.optim.Adam(network.parameters(), lr=3e-3), n_steps=25)
    assert losses[-1] < 0.4 * losses[0]
    assert network(*batch).argmax(dim=1).tolist() == truth.tolist()


def test_the_image_network_learns_as_its_paper_trains_it() -> None:
    # most gates start saturated: stochastic gradient descent creeps, Adam stands still
    network, batch, truth = easily_told("image_cnn_lstm")
    losses = train(network, batch, truth, torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9), n_steps=20)
    assert losses[-1] < 0.85 * losses[0]


def easily_told(name: str) -> tuple[Network, list[Tensor], Tensor]:
    """Without dropout; three windows, in each other columns are loud."""
    network, batch = made(name), batch_of(name, 3)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    for each in batch:
        for row in range(3):
            each[row, ..., row::3] += 3.0
    return network, batch, torch.arange(3)


def train(network: Network, batch: list[Tensor], truth: Tensor, optimiser: torch.optim.Optimizer, n_steps: int) -> list[float]:
    losses: list[float] = []
    while len(losses) < n_steps and (not losses or losses[-1] > 0.3 * losses[0]):
        loss = nn.functional.cross_entropy(network(*batch), truth)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("name", NAMES)
def test_mixed_precision_and_channels_last_change_little(name: str) -> None:
    network, batch = made(name).eval(), batch_of(name, 2)
    with torch.no_grad():
        wanted = network(*batch)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        torch.testing.assert_close(network(*batch), wanted, atol=1e-4, rtol=1e-4)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = network(*batch).float()
    assert (mixed - wanted).abs().max() < 0.05 * (1 + wanted.abs().max())


@pytest.mark.parametrize("name", ["cl", "cl_control_1", "cl_without_cnn", "features_cnn"])
def test_a_rate_of_dropout_is_taken_where_the_paper_has_one(name: str) -> None:
    assert catalogue.takes_dropout(name)
    network = catalogue.build(name, CASES[name].window_frames, CASES[name].widths, N_LABELS, dropout=0.125)
    assert {module.p for module in network.modules() if isinstance(module, nn.Dropout)} == {0.125}


def test_a_rate_of_dropout_is_refused_where_the_paper_fixes_it() -> None:
    assert not catalogue.takes_dropout("features_dense")
    with pytest.raises(ValueError, match=r"features_dense has the dropout of its paper, if any: give it none, not 0\.2"):
        catalogue.build("features_dense", 0, (30,), 6, dropout=0.2)


@pytest.mark.parametrize(
    ("name", "window_frames", "width", "says"),
    [
        ("cnn_lstm_2d", 127, 128, "nothing of 127 frames of 128 mel bands"),
        ("pieces_cnn_lstm_2d", 21, 128, "no 18 pieces in 21 frames"),
        ("pieces_cnn_bilstm_2d", 219, 30, "frames of 30 mel bands: want 22 and 31"),
        ("cnn_lstm_1d", 5, 51, "nothing of 255 samples"),
        ("features_cnn_lstm", 0, 27, "nothing of 27 features"),
    ],
)
def test_too_little_is_refused(name: str, window_frames: int, width: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        catalogue.build(name, window_frames, (width,), N_LABELS)


def test_the_pieces_are_twelve_frames_apart() -> None:
    network = catalogue.build("pieces_cnn_bilstm_2d", 219, (128,), 7)
    frames = network.get_buffer("frames").reshape(18, 5)
    assert frames[0].tolist() == [0, 1, 2, 3, 4]
    assert frames[1].tolist() == [12, 13, 14, 15, 16]
    assert frames[17].tolist() == [204, 205, 206, 207, 208]


@pytest.mark.parametrize("name", ["cnn_lstm_1d", "cnn_bilstm_1d"])
def test_raw_audio_is_one_row_however_it_is_framed_and_however_loud(name: str) -> None:
    network = made(name).eval()
    (samples,) = batch_of(name, 2)
    with torch.no_grad():
        wanted = network(samples)
        torch.testing.assert_close(network(samples.reshape(2, 32, 32)), wanted)
        torch.testing.assert_close(network(0.01 * samples), wanted, atol=1e-4, rtol=1e-3)


def test_the_lstm_starts_as_keras_starts_it() -> None:
    lstm = KerasLSTM(3, 4, bidirectional=True)
    for way in ("", "_reverse"):
        bias = getattr(lstm, f"bias_ih_l0{way}")
        assert bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8
        assert not getattr(lstm, f"bias_hh_l0{way}").any()
        recurrent = getattr(lstm, f"weight_hh_l0{way}")
        torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(4))
        limit = (6 / (3 + 16)) ** 0.5
        assert getattr(lstm, f"weight_ih_l0{way}").abs().max() <= limit


def test_the_lstm_computes_what_keras_writes_down() -> None:
    torch.manual_seed(0)
    lstm = KerasLSTM(3, 2)
    steps = torch.randn(1, 4, 3)
    state, cell = torch.zeros(2), torch.zeros(2)
    kernel, recurrent = lstm.get_parameter("weight_ih_l0"), lstm.get_parameter("weight_hh_l0")
    bias = lstm.get_parameter("bias_ih_l0")
    for step in steps[0]:
        gates = kernel @ step + recurrent @ state + bias
        let_in, forget, candidate, let_out = gates.split(2)
        cell = forget.sigmoid() * cell + let_in.sigmoid() * candidate.tanh()
        state = let_out.sigmoid() * cell.tanh()
    torch.testing.assert_close(lstm.last(steps)[0], state)


def test_both_ways_end_at_either_end() -> None:
    lstm = KerasLSTM(3, 2, bidirectional=True)
    steps = torch.randn(2, 5, 3)
    every, last = lstm(steps)[0], lstm.last(steps)
    torch.testing.assert_close(last, torch.cat([every[:, -1, :2], every[:, 0, 2:]], dim=1))


def test_batch_norm_moves_at_keras_pace() -> None:
    norm = batch_norm_1d(1)
    norm(torch.tensor([[2.0], [4.0]]))
    assert norm.running_mean is not None
    # 0.99 x 0 + 0.01 x 3
    assert norm.running_mean.item() == pytest.approx(0.03)
    assert norm.eval()(torch.tensor([[0.03]])).item() == pytest.approx(0.0, abs=1e-6)
