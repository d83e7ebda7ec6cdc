"""What is no network: it learns, it is measured by the training part alone, and it needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.functionals import FUNCTIONALS, functionals, masked_functionals
from dsp.params import FrontEndParams
from models.lab import __main__ as cli
from models.lab import classical, corpora, egemaps, evaluate, metrics, optimise, recipe, results, splits
from models.lab.copies import ORIGINAL, frames_of
from models.lab.corpora import CORPORA
from models.lab.errors import LabError
from models.lab.feature_cache import FeatureCache
from models.lab.features import trimmed
from models.lab.recipe import CLASSICAL, Recipe
from models.networks.catalogue import NETWORKS
from models.networks.features_dense import FeaturesDense
from models.networks.of_frames import OfFrames
from tests.lab import tiny

ROOT = Path(__file__).parents[2]
FRONT_END = FrontEndParams(n_mels=20, kinds=("zcr", "rms", "mfcc"))
RECIPE = Recipe(
    name="tiny-classical",
    corpus=tiny.CORPUS,
    network="decision_tree",
    front_end=FRONT_END,
    trim_db=40.0,
    source="made up for the tests",
)
TOML = """
source = "made up for the tests"
corpus = "TINY"
network = "knn"
trim_db = 40.0

[front_end]
n_mels = 20
kinds = ["mfcc"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the tiny corpus, a recipe for it, and a cache of its own."""
    tiny.write_corpus(tmp_path / "corpora")
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "tiny.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFFECTD_CORPORA", str(tmp_path / "corpora"))
    monkeypatch.setenv("AFFECTD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(recipe, "FOLDER", tmp_path / "recipes")
    monkeypatch.setitem(CORPORA, "TINY", tiny.CORPUS)
    return tmp_path


def evaluated(folder: Path, chosen: Recipe, protocol: str = splits.PAPER) -> list[results.Result]:
    return evaluate.evaluate(chosen, protocol, [0], 0, folder / "results", folder / "build")


def some_frames(seed: int, n_utterances: int = 12, n_features: int = FRONT_END.n_features) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(k % 3, 1.0, (int(rng.integers(5, 40)), n_features)).astype(np.float32) for k in range(n_utterances)]


TRUTH = np.arange(12) % 3


@pytest.mark.parametrize("network", CLASSICAL)
def test_it_learns_the_easy_corpus(folder: Path, network: str) -> None:
    (result,) = evaluated(folder, replace(RECIPE, network=network))
    assert metrics.uar(result.matrix) == 100.0
    assert (result.n_train, result.n_test, result.epochs, result.training_loss) == (12, 6, 0, None)
    assert result.n_parameters > 0
    assert not list(folder.glob("build/**/*.pt"))


def test_a_result_reads_as_it_was_written_and_is_not_run_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = evaluated(folder, RECIPE, splits.SPEAKER_INDEPENDENT)
    assert [result.fold for result in found] == ["03", "08", "09"]
    values = json.loads((folder / "results" / RECIPE.name / "speaker-independent-seed0-03.json").read_text())
    assert values["training_loss"] is None
    assert values["leaky"] is False
    assert sorted(values["versions"]) == ["affectd", "numpy", "python", "scikit-learn"]
    assert values["uar"] == metrics.uar(found[0].matrix)

    def never(*_: object) -> None:
        raise AssertionError("a run was run again")

    monkeypatch.setattr(classical, "fit", never)
    assert evaluated(folder, RECIPE, splits.SPEAKER_INDEPENDENT) == found
    with pytest.raises(LabError, match=r"has changed since \(network\): delete it"):
        evaluated(folder, replace(RECIPE, network="knn"), splits.SPEAKER_INDEPENDENT)


def test_workers_find_what_one_process_finds(folder: Path) -> None:
    (alone,) = evaluated(folder, RECIPE)
    (beside,) = evaluate.evaluate(RECIPE, splits.PAPER, [0], 1, folder / "beside", folder / "build")
    assert (beside.confusion, beside.n_parameters) == (alone.confusion, alone.n_parameters)


@given(seed=st.integers(0, 99), network=st.sampled_from(CLASSICAL), scale=st.floats(0.1, 1e6))
def test_the_scaler_has_seen_the_training_part_and_nothing_else(seed: int, network: str, scale: float) -> None:
    frames = some_frames(seed)
    chosen = replace(RECIPE, network=network)
    fitted = classical.fit(chosen, frames, TRUTH, 0)
    rows = classical.table(frames, chosen)
    np.testing.assert_allclose(fitted.scaler.mean_, rows.mean(axis=0))
    np.testing.assert_allclose(fitted.scaler.var_, rows.var(axis=0))
    before = fitted.scaler.mean_.copy()
    one = frames[0]
    alone = fitted.classes([one])
    # what else is tested on, however loud, changes no answer
    among = fitted.classes([one, *(scale * each for each in some_frames(seed + 100))])
    assert among[0] == alone[0]
    np.testing.assert_array_equal(fitted.scaler.mean_, before)


@given(seed=st.integers(0, 99))
def test_a_row_is_that_of_a_network_over_a_table(seed: int) -> None:
    frames = some_frames(seed, 1)[0]
    statistics = ("mean", "deviation")
    network = OfFrames(FeaturesDense(2 * FRONT_END.n_features, 3), FRONT_END.kinds, 2 * FRONT_END.n_features, statistics)
    kinds = [torch.from_numpy(frames[None, :, FRONT_END.columns(kind)]) for kind in FRONT_END.kinds]
    ours = classical.row(frames, replace(RECIPE, statistics=statistics))
    np.testing.assert_allclose(ours, network.rows(kinds)[0].numpy(), rtol=1e-4, atol=1e-5)


def test_functionals_take_the_pitch_where_there_is_one() -> None:
    front_end = FrontEndParams(kinds=("rms", "pitch"))
    frames = some_frames(0, 1, 3)[0]
    frames[::2, 1] = 0.0
    row = classical.row(frames, replace(RECIPE, front_end=front_end, statistics=("functionals",)))
    rms, pitch, strength = row.reshape(3, len(FUNCTIONALS))
    np.testing.assert_array_equal(rms, functionals(frames[:, :1])[0])
    np.testing.assert_array_equal(pitch, masked_functionals(frames[:, 1:2], frames[:, 1] > 0.0)[0])
    np.testing.assert_array_equal(strength, functionals(frames[:, 2:])[0])


def test_egemaps_are_those_of_opensmile(folder: Path) -> None:
    opensmile = pytest.importorskip("opensmile", reason="openSMILE's licence allows research only: pip install opensmile")
    chosen = replace(RECIPE, front_end=replace(RECIPE.front_end, kinds=("samples",)), statistics=("egemaps",))
    utterance = corpora.whole(chosen.corpus, folder / "corpora")[0]
    cache = FeatureCache(folder / "cache")
    table = classical.table([frames_of(utterance, ORIGINAL, chosen, cache) for _ in range(2)], chosen)
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    theirs = smile.process_signal(trimmed(utterance, chosen), chosen.front_end.sample_rate_hz).to_numpy()
    np.testing.assert_array_equal(table, np.repeat(theirs, 2, axis=0))
    assert (table.shape, cache.n_computed, cache.n_found) == ((2, egemaps.N_COLUMNS), 1, 1)


def test_egemaps_without_opensmile_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(LabError, match=r"openSMILE is not installed; .* pip install opensmile$"):
        egemaps.version()


def test_parameters_are_counted() -> None:
    frames = some_frames(0)
    n_columns = FRONT_END.n_features

    def count(network: str) -> int:
        return classical.fit(replace(RECIPE, network=network), frames, TRUTH, 0).n_parameters

    assert count("svm") == 3 * (n_columns + 1)
    assert count("knn") == 12 * n_columns
    assert count("decision_tree") % 2 == 1  # every node that splits has two below it
    assert count("svm_rbf") <= 12 * n_columns + 2 * 12 + 3


def test_labels_weigh_as_they_do_for_a_network() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2])
    for exponent in (0.0, 0.5, 1.0):
        ours = classical._label_weights(truth, exponent)
        np.testing.assert_allclose([ours[k] for k in range(3)], optimise.label_weights(truth, 3, exponent).numpy(), rtol=1e-6)


def test_no_name_means_two_things() -> None:
    assert not set(CLASSICAL) & set(NETWORKS)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"knn"', '"random_forest"', "unknown network 'random_forest': known are cl, "),
        ('"knn"', '"knm"', "svm_rbf"),
        ('"knn"', '"cl"', "lacks batch, bf16, epochs, learning_rate, stride_frames, window_frames"),
        ('"knn"', '"knn"\nepochs = 5', "knn takes no epochs"),
        ('"knn"', '"knn"\nsvm_c = 5', "knn takes no svm_c"),
        ('"knn"', '"svm"\nsvm_c = 0', "svm_c is 0: want a value above zero"),
        ('"knn"', '"svm"\nstatistics = ["median"]', "want a list of mean, deviation, functionals, egemaps"),
        ('"knn"', '"svm"\nstatistics = ["egemaps"]', 'want statistics = ["egemaps"], kinds = ["samples"]'),
        ('"knn"', '"svm"\nstatistics = ["egemaps", "mean"]', 'want statistics = ["egemaps"], kinds = ["samples"]'),
        ('"knn"', '"svm"\ncopies = ["echo"]', "want a list of noise, shift, stretch, pitch"),
        ('"knn"', '"svm"\ncopies = ["noise", "noise"]', "each at most once"),
        ('"knn"', '"svm"\ncopies = ["noise"]\ncopies_before_split = true', "whose name ends in -leaky"),
    ],
)
def test_nonsense_is_refused_with_file_and_key(folder: Path, old: str, new: str, says: str) -> None:
    (folder / "recipes" / "bad.toml").write_text(TOML.replace(old, new))
    with pytest.raises(LabError, match=r"bad\.toml") as refusal:
        recipe.load("bad")
    assert says in str(refusal.value)


def test_a_leaky_name_promises_a_leak(folder: Path) -> None:
    (folder / "recipes" / "tiny-leaky.toml").write_text(TOML)
    with pytest.raises(LabError, match="copies_before_split is for recipes"):
        recipe.load("tiny-leaky")


@pytest.mark.parametrize("command", ["train", "export"])
def test_there_is_no_model_file_of_it(folder: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert cli.main([command, "tiny"]) == 2
    assert capsys.readouterr().err == (
        "affectd-lab: recipe tiny: knn is a yardstick without a model file: it can only be evaluated\n"
    )


def test_a_missing_library_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")

    monkeypatch.setattr("models.lab.evaluate.evaluate", absent)
    assert cli.main(["evaluate", "tiny", "--protocol", "paper", "--results", "results"]) == 2
    assert capsys.readouterr().err == "affectd-lab: scikit-learn is not installed: pip install 'affectd[lab]'\n"


def without(library: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """One run of the tiny recipe in a fresh process that has no such library."""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "class Absent:\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name.split('.')[0] == {library!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from pathlib import Path\n"
        "from models.lab import corpora, evaluate, recipe, results\n"
        "from tests.lab import tiny\n"
        "corpora.CORPORA['TINY'] = tiny.CORPUS\n"
        "recipe.FOLDER = Path('recipes')\n"
        "found = evaluate.evaluate(recipe.load('tiny'), 'paper', [0], 0, Path('results'), Path('build'))\n"
        "print(found[0].n_test)"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=False)


def test_it_needs_scikit_learn_and_no_torch(folder: Path) -> None:
    done = without("torch", folder)
    assert (done.returncode, done.stdout) == (0, "6\n"), done.stderr
    (folder / "results" / "tiny" / "paper-seed0-80-20.json").unlink()
    done = without("sklearn", folder)
    assert done.returncode != 0
    assert "ModuleNotFoundError: No module named sklearn" in done.stderr
