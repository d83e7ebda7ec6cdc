"""The model files that ship: their promises follow from the recipe and from the results that lie beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models import registry
from models.lab import recipe
from models.lab.at_hand import at_hand, n_speaker_folds
from models.lab.card import card
from models.lab.made import read, says_how_made
from models.lab.measured import measured
from models.lab.publish import ON_CARDS
from models.lab.results import RESULTS, Result, differing
from models.lab.scored import Scored
from models.runtime import open_model

NAMES = registry.names()


def results_of(name: str) -> dict[str, list[Result]]:
    """By protocol."""
    found: dict[str, list[Result]] = {}
    for path in sorted((RESULTS / name).glob("*.json")):
        values = json.loads(path.read_text())
        result = Result(**{field: values[field] for field in Result.__dataclass_fields__ if field in values})
        found.setdefault(result.protocol, []).append(result)
    return found


def test_a_model_ships() -> None:
    assert registry.DEFAULT in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_its_contract_is_the_recipes(name: str) -> None:
    contract = open_model(name).contract
    made_by = recipe.load(name)
    assert made_by.corpus.may_ship
    assert list(contract.labels) == made_by.labels
    assert contract.front_end == made_by.front_end
    assert contract.window_frames == (made_by.window_frames if made_by.has_windows else 0)
    assert contract.stride_frames == made_by.stride_frames
    assert contract.licence == made_by.corpus.weights_licence


@pytest.mark.parametrize("name", NAMES)
def test_its_scores_are_those_of_the_results(name: str) -> None:
    wanted: dict[str, float] = {}
    for protocol, results in results_of(name).items():
        assert not any(differing(result.recipe, recipe.load(name).as_dict()) for result in results)
        wanted.update(Scored(protocol, results).scores())
    assert dict(open_model(name).contract.scores) == wanted
    assert any(score.startswith("speaker_independent_uar") for score in wanted)


@pytest.mark.parametrize("name", NAMES)
def test_its_results_are_of_the_whole_corpus(name: str) -> None:
    corpus = recipe.load(name).corpus
    tested = results_of(name)["speaker-independent"]
    seeds = {result.seed for result in tested}
    assert len(tested) == len(seeds) * n_speaker_folds(corpus)
    assert sum(result.n_test for result in tested) == len(seeds) * sum(corpus.n_by_label.values())


@pytest.mark.parametrize("name", NAMES)
def test_its_card_speaks_of_this_file(name: str) -> None:
    artefact = registry.load(name)
    card = artefact.path.with_suffix(".md").read_text()
    assert artefact.sha256 in card
    assert f"{len(artefact.content):,} bytes" in card
    for name_of_score, score in open_model(name).contract.scores.items():
        if not name_of_score.endswith("_sd"):
            assert f"{score:.2f}" in card


def test_the_listing_names_nothing_else() -> None:
    folder = Path(registry.ARTEFACTS)
    listed = {line.split()[1] for line in (folder / registry.SUMS).read_text().splitlines()}
    assert listed == {path.name for path in folder.glob("*.onnx")}


@pytest.mark.parametrize("name", NAMES)
def test_its_card_is_what_the_report_writes(name: str) -> None:
    artefact = registry.load(name)
    if not says_how_made(artefact.content):
        pytest.skip("an older file, whose card was written when it was exported")
    made_by = recipe.load(read(artefact.content, name)[1].recipe)
    of_recipe = at_hand(RESULTS).get(made_by.name, {})
    scored = [of_recipe[each].whole for each in ON_CARDS if each in of_recipe]
    wanted = card(made_by, artefact.content, [each for each in scored if each.results], measured(name))
    assert artefact.path.with_suffix(".md").read_text() == wanted
