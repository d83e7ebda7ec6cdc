"""The branches of a model file laid open: together they are what it answers; the share is told by speakers it never heard."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from models.lab import corpora, export, shares
from models.lab.affectnet import fit, judge, sweep
from models.lab.affectnet.apart import Apart, Branches
from models.lab.affectnet.heard import CONDITIONS
from models.lab.affectnet.to_onnx import to_onnx
from models.lab.affectnet.voices import judged, learnt
from models.lab.errors import LabError
from models.lab.material import gather
from models.lab.measured import Measured
from models.lab.shares_picture import draw_shares
from models.lab.train import train
from models.networks.affectnet import LOG_MEL_SHARE
from models.registry import ARTEFACTS
from tests.lab import tiny
from tests.lab.test_affectnet_trained import without_sadness
from tests.lab.tiny_affectnet import RECIPE
from tests.lab.tiny_report import assert_sane


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tiny.write_corpus(tmp_path / "corpora")
    monkeypatch.setenv("AFFECTD_CORPORA", str(tmp_path / "corpora"))
    monkeypatch.setattr(fit, "dense", lambda recipe: replace(recipe, epochs=3, batch=6))
    return tmp_path


def test_both_branches_weighed_by_the_share_of_the_file_are_its_answer(folder: Path) -> None:
    material = gather(RECIPE, corpora.whole(RECIPE.corpus, folder / "corpora"))
    everybody = np.arange(len(material.truth))
    network = fit.fit(RECIPE, learnt(material, RECIPE, everybody), 0, folder / "a.pt").network
    voices = judged(material, RECIPE, everybody)
    branches = Branches(to_onnx(network))
    assert branches.share == LOG_MEL_SHARE
    for condition in CONDITIONS[:3]:
        apart = branches.said(voices, condition, seed=1)
        likely = np.exp(apart.weighed(branches.share))
        wanted = judge.probabilities(network, voices, condition, seed=1)
        np.testing.assert_allclose(likely / likely.sum(axis=1, keepdims=True), wanted, atol=1e-5)
        # each is a branch by itself, and they differ
        for each in (apart.of_log_mel, apart.of_functionals):
            assert np.exp(each).sum(axis=1).max() <= 1.0 + 1e-5
        assert np.abs(apart.of_log_mel - apart.of_functionals).max() > 0.01


def test_a_model_of_one_branch_is_refused() -> None:
    with pytest.raises(LabError, match="not the weighed sum of two branches"):
        Branches(onnx.load(ARTEFACTS / "cl-emodb.onnx"))


def test_speakers_of_another_corpus_tell_the_share(folder: Path) -> None:
    other = replace(tiny.CORPUS, name="OTHER", folder="OTHER", n_by_label={"anger": 6, "neutral": 6}, parse=without_sadness)
    shutil.copytree(folder / "corpora" / "TINY", folder / "corpora" / "OTHER")
    with pytest.raises(LabError, match=r"tiny\.onnx: is not there: `affectd-lab export tiny` writes it"):
        sweep.sweep(RECIPE, [other], artefacts=folder)
    train(RECIPE, 0, folder / "build")
    export.export(RECIPE, 0, [], folder / "build", folder / "tiny.onnx", folder / "artefacts")
    found = sweep.sweep(RECIPE, [other], artefacts=folder)
    assert [row[:3] for row in found.rows] == [("OTHER", "3", name) for name in ("cold", "3 heard", "10 heard")]
    assert len(found.head) == len(found.rows[0]) == 3 + len(shares.SHARES)
    assert sorted(found.figures["uars"]["OTHER"]) == list(tiny.SPEAKERS)
    with pytest.raises(LabError, match="was trained on TINY: want another corpus"):
        sweep.sweep(RECIPE, [tiny.CORPUS], artefacts=folder)
    found.write(folder / "measured")
    (read,) = shares.at_hand(folder / "measured")
    assert shares.told(read) == shares.told(found)
    draw_shares([read, read], folder / "shares.png")
    assert_sane(folder / "shares.png")


def test_one_branch_alone_is_a_share_of_0_or_1() -> None:
    of_log_mel, of_functionals = np.log([[0.9, 0.1], [0.9, 0.1]]), np.log([[0.2, 0.8], [0.4, 0.6]])
    apart = Apart(of_log_mel, of_functionals)
    np.testing.assert_array_equal(apart.weighed(1.0), of_log_mel)
    np.testing.assert_array_equal(apart.weighed(0.0), of_functionals)


def measured_with(best: int, share: float) -> Measured:
    curve = [60.0 - 2.0 * abs(k - best) for k in range(11)]
    # another speaker, ten times as talkative perhaps, counts alike
    uars = {"ONE": {"a": {"cold": curve, "10 heard": curve}}, "TWO": {"b": {"cold": curve, "10 heard": [40.0] * 11}}}
    return Measured("net", "share", "", "", "", (), (), {}, {"share": share, "uars": uars})


def test_it_is_said_how_far_the_share_that_ships_is_from_the_best() -> None:
    assert shares.told(measured_with(3, 0.3)) == (
        "of 2 speakers of ONE and TWO `net` has 55.0 % at 0.3, the most; within a point of that from 0.3 to 0.3"
    )
    assert "has 53.5 % at 0.3, and the most, 55.0 %, at 0.2" in shares.told(measured_with(2, 0.3))
