"""AffectNet: the same answer in any pieces, what a seat heard taken off, a training that is seeded and resumable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from dsp.running_functionals import n_functionals
from models.adaptation import Heard
from models.lab import recipe as recipes
from models.lab.affectnet import batches, fit, heard, to_onnx
from models.lab.affectnet.voices import Learnt, Voices
from models.networks import affectnet
from models.networks.affectnet import FRAMES_A_STEP, AffectNet, State
from tests.lab.tiny_affectnet import RECIPE

N_MELS, N_TABLE, N_LABELS = 32, 7, 3


def network(seed: int = 0) -> AffectNet:
    torch.manual_seed(seed)
    made = AffectNet(N_MELS, N_TABLE, N_LABELS).eval()
    for branch in (made.of_log_mel, made.of_functionals):
        branch.centre.normal_()
        branch.scale.uniform_(0.5, 2.0)
    return made


def some_heard(generator: torch.Generator, batch: int) -> affectnet.Heard:
    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    counts = torch.randint(0, 30, (batch, 1), generator=generator).float()
    return affectnet.Heard(normal(batch, N_MELS), 100 * counts, normal(batch, N_TABLE), counts)


@given(seed=st.integers(0, 99), n_steps=st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_any_pieces_give_the_answer_of_the_utterance_so_far(seed: int, n_steps: list[int]) -> None:
    generator = torch.Generator().manual_seed(seed)
    net, known = network(seed), some_heard(generator, 2)
    n_frames = FRAMES_A_STEP * np.cumsum(n_steps)
    log_mel = torch.randn((2, int(n_frames[-1]), N_MELS), generator=generator)
    table = torch.randn((2, N_TABLE), generator=generator)
    state, begin = net.of_log_mel.begin(2), 0
    with torch.no_grad():
        for end in n_frames:
            logits, state = net(log_mel[:, begin:end], table, known, state)
            whole, _ = net(log_mel[:, :end], table, known, net.of_log_mel.begin(2))
            torch.testing.assert_close(logits, whole, rtol=0, atol=1e-5)
            begin = end


def test_the_state_does_not_grow() -> None:
    net = network()
    known = affectnet.Heard(*(torch.zeros_like(each) for each in some_heard(torch.Generator(), 1)))
    state = net.of_log_mel.begin(1)
    shapes = [each.shape for each in state]
    with torch.no_grad():
        for n_frames in (4, 40, 400):
            _, state = net(torch.zeros(1, n_frames, N_MELS), torch.zeros(1, N_TABLE), known, state)
            assert [each.shape for each in state] == shapes


def test_the_future_changes_nothing() -> None:
    net = network().of_log_mel
    known, log_mel = some_heard(torch.Generator().manual_seed(1), 1), torch.randn(1, 80, N_MELS)
    later = log_mel.clone()
    later[:, 40:] += 3.0
    with torch.no_grad():
        states = [net(each[:, :40], known, net.begin(1))[1] for each in (log_mel, later)]
    for one, other in zip(*states):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@given(seed=st.integers(0, 99), gain=st.floats(-3.0, 3.0))
def test_a_speaker_who_is_known_well_is_taken_off(seed: int, gain: float) -> None:
    """A constant of the speaker's, in every frame and every table, cancels out as the seat hears more."""
    generator = torch.Generator().manual_seed(seed)
    net = network(seed)
    table = torch.randn((1, N_TABLE), generator=generator)

    def said(offset: float, n_heard: float) -> Tensor:
        count = torch.tensor([[n_heard]])
        known = affectnet.Heard(torch.full((1, N_MELS), offset), count, torch.full((1, N_TABLE), offset), count)
        with torch.no_grad():
            row: Tensor = net.of_functionals(table + offset, known)
        return row

    moved, still = said(gain, 1e6), said(0.0, 1e6)
    torch.testing.assert_close(moved, still, rtol=0, atol=1e-3)
    with torch.no_grad():
        nothing = affectnet.Heard(*(torch.zeros_like(each) for each in some_heard(generator, 1)))
        cold = net.of_functionals(table, nothing)
        z = ((table - net.of_functionals.centre) / net.of_functionals.scale).clamp(-affectnet.CLIP, affectnet.CLIP)
        each = [head(z).log_softmax(dim=1) for head in net.of_functionals.heads]
    torch.testing.assert_close(cold, sum(each) / affectnet.N_HEADS, rtol=0, atol=1e-5)


def test_the_branches_are_weighed_and_each_head_learns_from_its_own_errors() -> None:
    net, generator = network(), torch.Generator().manual_seed(3)
    known, log_mel, table = some_heard(generator, 2), torch.randn(2, 40, N_MELS), torch.randn(2, N_TABLE)
    with torch.no_grad():
        said, _ = net(log_mel, table, known, net.of_log_mel.begin(2))
        of_log_mel = net.of_log_mel(log_mel, known, net.of_log_mel.begin(2))[0].log_softmax(dim=1)
        heads = net.of_functionals.of_each_head(table, known)
    torch.testing.assert_close(said, 0.3 * of_log_mel + 0.7 * heads.mean(dim=1), rtol=0, atol=1e-5)
    truth, weights = torch.tensor([0, 2]), torch.tensor([1.0, 2.0, 3.0])
    alone = [nn.functional.cross_entropy(heads[:, k], truth, weights) for k in range(affectnet.N_HEADS)]
    torch.testing.assert_close(fit.batch_loss(heads, truth, weights, 0.0), torch.stack(alone).mean())


def test_size() -> None:
    net = AffectNet(64, 322, 7)
    assert sum(values.numel() for values in net.of_log_mel.parameters()) == 265_528
    assert sum(values.numel() for values in net.parameters()) < 1_000_000
    with pytest.raises(ValueError, match="60 mel bands: want a multiple of 16"):
        AffectNet(60, 322, 7)


def test_the_file_answers_as_torch_does() -> None:
    net = network()
    model = to_onnx.to_onnx(net)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(2)
    known, state = some_heard(generator, 3), net.of_log_mel.begin(3)
    for n_frames in (4, 8, 60):
        log_mel, table = torch.randn((3, n_frames, N_MELS), generator=generator), torch.randn((3, N_TABLE), generator=generator)
        with torch.no_grad():
            logits, following = net(log_mel, table, known, state)
        feed = {name: each.numpy() for name, each in zip(to_onnx.INPUTS, (log_mel, table, *known, *state))}
        said = session.run(list(to_onnx.OUTPUTS), feed)
        for ours, theirs in zip((logits, *following), said):
            np.testing.assert_allclose(theirs, ours.numpy(), atol=2e-5)
        state = State(*map(torch.from_numpy, said[1:]))


# ---- what it learns from ----


def some_voices(n_speakers: int = 3, n_each: int = 4) -> Voices:
    rng = np.random.default_rng(0)
    n = n_speakers * n_each
    frames = [rng.standard_normal((int(rng.integers(3, 60)), N_MELS)).astype(np.float32) for _ in range(n)]
    labels = ["neutral" if i % 2 else "anger" for i in range(n)]
    return Voices(frames, rng.standard_normal((n, N_TABLE)).astype(np.float32), [f"s{i // n_each}" for i in range(n)], labels)


@given(position=st.integers(0, 11), seed=st.integers(0, 99))
def test_a_seat_hears_others_of_the_same_speaker_and_no_labels_but_calm(position: int, seed: int) -> None:
    voices = some_voices()
    for condition in heard.CONDITIONS:
        others = voices.others(position, condition.only_calm)
        assert position not in others
        assert {voices.speakers[i] for i in others} <= {voices.speakers[position]}
        if condition.only_calm:
            assert {voices.labels[i] for i in others} <= {"neutral"}
        known = heard.in_test(voices, position, condition, np.random.default_rng(seed))
        assert known.n_utterances == min(condition.n_heard, len(others))
    known = heard.in_test(voices, position, heard.Condition("all", heard.ALL), np.random.default_rng(seed))
    theirs = voices.others(position)
    np.testing.assert_allclose(known.log_mel, np.concatenate([voices.log_mel[i] for i in theirs]).mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(known.functionals, voices.functionals[theirs].mean(axis=0), atol=1e-6)
    assert known.n_frames == sum(len(voices.log_mel[i]) for i in theirs)


def test_nothing_heard_is_zeros() -> None:
    known = heard.in_test(some_voices(), 0, heard.COLD, np.random.default_rng(0))
    assert (known.n_frames, known.n_utterances) == (0, 0)
    assert not known.log_mel.any()
    assert not known.functionals.any()


def test_an_epoch_shows_every_utterance_once() -> None:
    voices = some_voices()
    part = Learnt([voices], np.arange(12))
    recipe = replace(RECIPE, front_end=replace(RECIPE.front_end, n_mels=N_MELS))
    for epoch in (batches.log_mel_batches(part, recipe, rng) for rng in map(np.random.default_rng, range(3))):
        shown = list(epoch)
        assert sorted(np.concatenate([each.truth for each in shown])) == list(range(12))
        for each in shown:
            assert each.log_mel.shape[1] % FRAMES_A_STEP == 0
            for i, n_frames in enumerate(each.n_frames):
                assert not each.shown[i, n_frames:].any()
                assert each.shown[i, :n_frames].any()
    table = list(batches.functionals_batches(part, replace(recipe, batch=5), np.random.default_rng(0)))
    assert sorted(np.concatenate([each.truth for each in table])) == list(range(12))


@pytest.mark.parametrize(("of_recipe", "knows"), [("affectnet-emodb", True), ("affectnet-emodb-alone", False)])
def test_one_recipe_learns_what_seats_heard_and_its_twin_never_does(of_recipe: str, knows: bool) -> None:
    part, loaded = Learnt([some_voices()], np.arange(12)), recipes.load(of_recipe)
    small = replace(loaded, front_end=replace(loaded.front_end, n_mels=N_MELS))
    shown = [*batches.log_mel_batches(part, small, np.random.default_rng(0))]
    table = [*batches.functionals_batches(part, small, np.random.default_rng(0))]
    assert any(known.n_utterances for each in shown for known in each.heard) == knows
    assert any(known.n_utterances for each in table for known in each.heard) == knows
    assert loaded.is_affectnet


def test_heard_of_a_batch_is_stacked() -> None:
    one = Heard(np.ones(N_MELS, np.float32), 5, np.zeros(N_TABLE, np.float32), 2)
    log_mel, frames, functionals, utterances = heard.stacked([one, one])
    assert (log_mel.shape, functionals.shape) == ((2, N_MELS), (2, N_TABLE))
    np.testing.assert_array_equal(frames, [[5.0], [5.0]])
    np.testing.assert_array_equal(utterances, [[2.0], [2.0]])


def test_the_table_is_as_wide_as_the_front_end_says() -> None:
    assert n_functionals(RECIPE.front_end) > 200
