"""The noise is as loud as it says, the gate is the service's, what it misses is wrong, and what is not trained is named."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, Sequence

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

if sys.version_info < (3, 10):
    pytest.skip("the folds are the lab's, Python 3.10 or newer", allow_module_level=True)

import torch

from benchmarks import noise, noise_table
from benchmarks.noise_heard import CABIN, CLEAN, LEVELS_DB, Surroundings, heard_in, passed, said_in
from benchmarks.noise_scores import ASKED, Fold, Hits, gate_figures, hits, in_place
from daemon import assembly
from daemon.demo.demo import RECORDING
from daemon.settings import Settings
from dsp.framing import float32_from_int16
from dsp.offline import feature_frames
from dsp.running_functionals import n_functionals, utterance_functionals
from models.lab import metrics, recipe, splits
from models.lab.affectnet.fit import dense
from models.lab.affectnet.heard import COLD, Condition
from models.lab.affectnet.judge import probabilities
from models.lab.affectnet.voices import Voices, judged
from models.lab.cabin_noise import HELD_OUT, TRAINING_KINDS
from models.lab.checkpoint import History, identity, save
from models.lab.corpora import Utterance, find
from models.lab.export import contract_of
from models.lab.features import extract, trimmed
from models.lab.material import Material
from models.lab.optimise import Optimiser
from models.lab.recipe import Augmentation, Recipe
from models.lab.results import Run
from models.networks.affectnet import AffectNet
from tests.lab import tiny, tiny_affectnet

# nothing is learnt here, whatever a training would change of what it hears
RECIPE: Recipe = replace(tiny_affectnet.RECIPE, augment=Augmentation(), label_smoothing=0.0)
SILENCE = 16000
MADE_UP = ("brown", "pink")
DEMO = Utterance(RECORDING, "03", "anger")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def voice(n_samples: int = 32000) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    return np.asarray(0.02 * rng.standard_normal(n_samples) * np.sin(np.arange(n_samples) / 800.0) ** 2, np.float32)


def said(where: Surroundings) -> NDArray[np.float32]:
    return float32_from_int16(said_in(voice(), where, SILENCE))


def level_db(samples: NDArray[np.float32]) -> float:
    return float(10.0 * np.log10(np.square(samples, dtype=np.float64).mean()))


def test_clean_is_the_recording_between_silences() -> None:
    sound = said(CLEAN)
    assert not sound[:SILENCE].any()
    assert not sound[-SILENCE:].any()
    np.testing.assert_allclose(sound[SILENCE:-SILENCE], voice(), rtol=0, atol=0.5 / 32768)


@pytest.mark.parametrize("snr_db", LEVELS_DB)
def test_the_noise_goes_on_and_is_as_far_below_the_speech_as_it_says(snr_db: float) -> None:
    sound, alone = said(Surroundings("", snr_db=snr_db, kinds=MADE_UP)), said(CABIN)
    around = sound - alone
    spoken = slice(SILENCE, -SILENCE)
    assert level_db(alone[spoken]) - level_db(around[spoken]) == pytest.approx(snr_db, abs=0.05)
    assert abs(level_db(sound[:SILENCE]) - level_db(around[spoken])) < 6.0
    louder = said(Surroundings("", snr_db=snr_db - 6.0, kinds=MADE_UP)) - alone
    np.testing.assert_allclose(louder, around * 10.0**0.3, rtol=0, atol=2 / 32768)


def test_what_would_be_too_loud_is_turned_down() -> None:
    loud = said_in(50.0 * voice(), Surroundings("", snr_db=0.0, kinds=MADE_UP), SILENCE)
    assert np.abs(loud.astype(np.int64)).max() == 32767


def test_the_gate_is_the_service_s() -> None:
    samples, _ = soundfile.read(RECORDING, dtype="int16")
    listener = assembly.listener(Settings(), contract_of(RECIPE))
    found = passed(np.asarray(samples, np.int16), listener, 1600)
    assert len(found) == 5
    hop = RECIPE.front_end.hop_samples
    for one in found:
        assert len(one.frames) == pytest.approx((one.stretch.end_sample - one.stretch.start_sample) / hop, abs=3)


def test_of_several_stretches_the_longest_is_judged() -> None:
    part = heard_in(CLEAN, [DEMO], RECIPE)
    assert part.n_stretches.tolist() == [5]
    samples, _ = soundfile.read(RECORDING, dtype="int16")
    lengths = [len(one.frames) for one in passed(samples, assembly.listener(Settings(), contract_of(RECIPE)), 1600)]
    assert part.gated.n_frames.tolist() == [pytest.approx(max(lengths), abs=2)]
    assert part.kept_share[0] < 0.5
    assert part.strange_share[0] == 0.0
    assert gate_figures([part])["several"] == 100.0
    assert gate_figures([part])["kept"] == pytest.approx(100.0 * part.kept_share[0], abs=0.01)


def test_what_is_missed_is_wrong() -> None:
    labels = ["anger", "neutral"]
    front_end = RECIPE.front_end
    network = AffectNet(front_end.n_mels, 3, len(labels)).eval()
    frames = [np.zeros((8, front_end.n_mels), np.float32)] * 2
    found = Voices(frames, np.zeros((2, 3), np.float32), ["03"] * 2, ["anger", "neutral"])
    got = hits(network, found, COLD, 0, ["anger", "anger", "neutral", "neutral"], labels)
    assert got.true.tolist() == [2, 2]
    assert sorted(got.right.tolist()) == [0, 1]
    assert got.uar == 25.0
    nobody = hits(network, Voices([], np.zeros((0, 3), np.float32), [], []), COLD, 0, ["anger"], labels)
    assert (got + nobody).true.tolist() == [3, 2]
    assert (got + nobody).right.tolist() == got.right.tolist()


def test_labels_that_nobody_has_do_not_count() -> None:
    assert Hits(np.array([1, 0, 3]), np.array([2, 0, 3])).uar == 75.0


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny corpus, and noise by all its names."""
    root = tmp_path_factory.mktemp("corpora")
    tiny.write_corpus(root)
    (root / "NOISE").mkdir()
    for seed, name in enumerate(name for name in (*TRAINING_KINDS, *HELD_OUT) if "/" in name):
        samples = 0.1 * np.random.default_rng(seed).standard_normal(8000)
        soundfile.write(root / f"{name}.wav", samples, 16000, subtype="PCM_16")
    return root


@pytest.fixture(scope="module")
def networks(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, AffectNet]:
    """One a fold, as if trained: none answers the same label always."""
    utterances = find(tiny.CORPUS, corpora)
    front_end = RECIPE.front_end
    heard = [feature_frames(trimmed(each, RECIPE), front_end) for each in utterances]
    rows = np.concatenate([each[:, front_end.columns("log_mel")] for each in heard])
    table = np.stack([utterance_functionals(each, front_end) for each in heard])
    made = {}
    for speaker in tiny.SPEAKERS:
        torch.manual_seed(int(speaker))
        made[speaker] = AffectNet(rows.shape[1], table.shape[1], len(RECIPE.labels)).eval()
        for branch, values in ((made[speaker].of_log_mel, rows), (made[speaker].of_functionals, table)):
            branch.centre.copy_(torch.from_numpy(values.mean(axis=0)))
            branch.scale.copy_(torch.from_numpy(values.std(axis=0) + 1e-3))
        torch.nn.init.normal_(made[speaker].of_functionals.get_parameter("heads.0.dense.weight"))
    return made


@pytest.fixture(scope="module")
def folder(networks: dict[str, AffectNet], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the checkpoints of finished folds lie."""
    folder = tmp_path_factory.mktemp("networks")
    n_learnt = len(tiny.INITIALS) * len(tiny.TAKES) * (len(tiny.SPEAKERS) - 1)
    for speaker, network in networks.items():
        run = Run(RECIPE, splits.SPEAKER_INDEPENDENT, 0, speaker)
        for branch, name, of_branch in (
            (network.of_log_mel, "log-mel", RECIPE),
            (network.of_functionals, "functionals", dense(RECIPE)),
        ):
            path, optimiser = folder / RECIPE.name / f"{run.name}.{name}.pt", Optimiser(branch, of_branch, 1)
            save(path, identity(of_branch, 0, n_learnt), branch, optimiser, History(losses=[0.0] * of_branch.epochs))
    return folder


def run(monkeypatch: pytest.MonkeyPatch, corpora: Path, folder: Path) -> dict[str, Any]:
    monkeypatch.setenv("AFFECTD_CORPORA", str(corpora))
    monkeypatch.setattr(recipe, "load", lambda name: RECIPE)
    return noise.measure(False, None, recipe=RECIPE.name, networks=str(folder))


def uar(networks: dict[str, AffectNet], utterances: Sequence[Utterance], condition: Condition) -> float:
    """As the lab tests the folds."""
    material = Material(utterances, RECIPE.classes(utterances), extract(utterances, RECIPE), [()] * len(utterances))
    matrix = np.zeros((len(RECIPE.labels),) * 2, np.int64)
    for fold in splits.folds(splits.SPEAKER_INDEPENDENT, utterances, 0):
        said = probabilities(networks[fold.name], judged(material, RECIPE, fold.test), condition).argmax(axis=1)
        matrix += metrics.confusion(material.truth[fold.test], said, len(matrix))
    return metrics.uar(matrix)


def test_all_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, corpora: Path, networks: dict[str, AffectNet], folder: Path
) -> None:
    figures = run(monkeypatch, corpora, folder)
    clean = figures["places"]["clean"]["uar"]
    assert figures["folds"] == list(tiny.SPEAKERS)
    assert len(figures["places"]) == 2 + 2 * len(LEVELS_DB)
    # with the bounds known, clean is what the lab tests
    utterances = find(tiny.CORPUS, corpora)
    wanted = {each.name: uar(networks, utterances, each) for each in ASKED}
    assert {name: clean[name][noise_table.BOUNDS][0] for name in wanted} == pytest.approx(wanted, abs=0.01)
    assert wanted["cold"] != pytest.approx(100.0 / len(RECIPE.labels), abs=0.1)
    figures["trained without noise"] = [90.0]
    monkeypatch.setitem(noise_table.WITHOUT_NOISE, RECIPE.name, "quiet")
    path = noise.as_measured(figures).write(tmp_path)
    assert json.loads(path.read_text())["figures"] == figures
    lines = noise_table.table(figures).splitlines()
    assert len(lines) == 2 + len(figures["places"]) + 1
    assert len({line.count("|") for line in lines}) == 1


def test_lost_is_by_the_gate_and_held_to_its_goal() -> None:
    def place(cold: float) -> dict[str, Any]:
        gate = {"missed": 0.0, "several": 0.0, "kept": 99.0, "no speech": 1.0}
        uars = {
            "cold": {noise_table.BOUNDS: [81.0, 83.0], noise_table.GATE: [cold, cold]},
            "10 heard": {noise_table.BOUNDS: [85.0], noise_table.GATE: [84.0]},
        }
        return {"gate": gate, "uar": uars}

    places = {
        "clean": place(80.0),
        "10 dB": place(78.5),
        "5 dB": place(74.0),
        "0 dB": place(60.0),
        "0 dB, kinds held out": place(50.0),
    }
    figures = {"recipe": "affectnet-free", "seeds": 2, "folds": ["03"], "trained without noise": [83.5], "places": places}
    told = {row[0]: row for row in noise_table.rows(figures)}
    assert told["clean"][5:7] == ["82.0 ± 1.4", "80.0 ± 0.0"]
    assert [told[name][-3:] for name in places] == [
        ["-", "-", "-"],
        ["1.5", "3.5", "4 (2): aim"],
        ["6.0", "8.0", "9 (4): yes"],
        ["20.0", "22.0", "14 (8): MISSED"],
        ["30.0", "32.0", "-"],
    ]
    (last,) = (row for row in told.values() if row[0] not in places)
    assert last[-3:] == ["1.5", "-", "1 (0): MISSED"]


def test_what_is_not_trained_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, corpora: Path) -> None:
    wanted = "seed0-03.log-mel.pt: no checkpoint: `affectd-lab evaluate tiny --protocol speaker-independent` trains it"
    with pytest.raises(SystemExit, match=wanted):
        run(monkeypatch, corpora, tmp_path)


def test_every_seed_has_its_score(corpora: Path) -> None:
    utterances = find(tiny.CORPUS, corpora)[:6]
    sizes = RECIPE.front_end.n_mels, n_functionals(RECIPE.front_end), len(RECIPE.labels)
    networks = [AffectNet(*sizes).eval() for _ in range(2)]
    told = in_place(CLEAN, [Fold("03", utterances, networks)], RECIPE)
    assert [len(uars) for of_condition in told["uar"].values() for uars in of_condition.values()] == [2] * 4
