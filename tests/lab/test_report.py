"""RESULTS.md: its figures are those of the results, and what is not there is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.lab import papers, recipe, report, results, splits
from models.lab.answers import Answers, averaged
from models.lab.at_hand import Scores, at_hand, n_speaker_folds
from models.lab.corpora import by_name
from models.lab.errors import LabError
from models.lab.results import Run
from tests.lab import tiny
from tests.lab.tiny_report import SEED_0, SEED_1, SPEAKER_03, SPEAKER_08, prepared, put, result


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return prepared(tmp_path, monkeypatch)


def text_of(folder: Path) -> str:
    return report.text(at_hand(folder / "results"), folder / "pictures")


def cells(text: str, name: str) -> dict[str, str]:
    """The line of a row, by the heads of its columns."""
    lines = text.splitlines()
    place = next(k for k, line in enumerate(lines) if line.startswith(f"| {name} |"))
    head = max(k for k in range(place) if lines[k].startswith("| row |"))
    return dict(zip(*([cell.strip() for cell in lines[k].strip("|").split(" | ")] for k in (head, place))))


def test_the_values_are_those_counted_by_hand(folder: Path) -> None:
    put(folder, splits.PAPER, 0, "80-20", SEED_0)
    put(folder, splits.PAPER, 1, "80-20", SEED_1)
    put(folder, splits.SPEAKER_INDEPENDENT, 0, "03", SPEAKER_03)
    put(folder, splits.SPEAKER_INDEPENDENT, 0, "08", SPEAKER_08)
    assert cells(text_of(folder), "`tiny`") == {
        "row": "`tiny`",
        "network": "a tiny one",
        "corpus": "TINY",
        "paper": "80.00",
        "WA": "75.00 ± 11.79 (2 seeds)",
        "WA - paper": "-5.00",
        "UAR": "70.83 ± 17.68",
        "SI: UAR": "61.11 (1 seed)",  # a mean of the folds would be 75
        "SI: WA": "66.67",
        "SI: folds": "2 of 3",
    }


def test_one_seed_has_no_deviation_and_more_than_the_paper_a_plus(folder: Path) -> None:
    put(folder, splits.PAPER, 3, "80-20", SEED_0)
    found = cells(text_of(folder), "`tiny`")
    assert (found["WA"], found["WA - paper"], found["UAR"]) == ("83.33 (1 seed)", "+3.33", "83.33")
    assert (found["SI: UAR"], found["SI: folds"]) == ("not run", "-")


def test_a_seed_that_is_not_whole_does_not_count_beside_one_that_is(folder: Path) -> None:
    for fold in ("03", "08", "09"):
        put(folder, splits.SPEAKER_INDEPENDENT, 1, fold, SEED_0)
    put(folder, splits.SPEAKER_INDEPENDENT, 0, "03", SEED_1)
    found = cells(text_of(folder), "`tiny`")
    assert (found["SI: UAR"], found["SI: folds"]) == ("83.33 (1 seed)", "3 of 3")
    put(folder, splits.SPEAKER_INDEPENDENT, 0, "08", SEED_1)
    put(folder, splits.SPEAKER_INDEPENDENT, 0, "09", SEED_1)
    assert cells(text_of(folder), "`tiny`")["SI: WA"] == "75.00 ± 11.79"


def test_of_seeds_that_are_not_whole_the_fullest_is_shown(folder: Path) -> None:
    put(folder, splits.SPEAKER_INDEPENDENT, 0, "03", SEED_0)
    put(folder, splits.SPEAKER_INDEPENDENT, 1, "03", SPEAKER_03)
    put(folder, splits.SPEAKER_INDEPENDENT, 1, "08", SPEAKER_08)
    put(folder, splits.SPEAKER_INDEPENDENT, 2, "08", SEED_0)  # as full, but later
    put(folder, splits.SPEAKER_INDEPENDENT, 2, "09", SEED_0)
    found = cells(text_of(folder), "`tiny`")
    assert (found["SI: UAR"], found["SI: folds"]) == ("61.11 (1 seed)", "2 of 3")


def test_random_tenths_have_columns_only_where_they_were_run(folder: Path) -> None:
    put(folder, splits.PAPER, 0, "80-20", SEED_0)
    assert "10 folds: UAR" not in text_of(folder)
    put(folder, splits.RANDOM_10_FOLD, 0, "1-of-10", SEED_1)
    found = cells(text_of(folder), "`tiny`")
    assert [found[f"10 folds: {what}"] for what in ("UAR", "WA", "run")] == ["58.33 (1 seed)", "66.67", "1 of 10"]
    assert cells(text_of(folder), "`absent`")["10 folds: UAR"] == "not run"


def test_what_is_not_there_is_said(folder: Path) -> None:
    text = text_of(folder)
    assert cells(text, "`tiny`")["WA"] == cells(text, "`tiny`")["SI: UAR"] == "not run"
    assert cells(text, "`absent`")["paper"] == "-"
    assert "- `absent`: the paper prints none." in text
    assert "No run is at hand." in text
    assert "confusion-" not in text


def test_a_corpus_that_cannot_be_given_away_is_not_at_hand(folder: Path) -> None:
    put(folder, splits.PAPER, 0, "80-20", [[1] * 6] * 6, "large")
    of_paper, ours = cells(text_of(folder), "the paper's own"), cells(text_of(folder), "`large`")
    assert (of_paper["corpus"], of_paper["paper"]) == ("TESS+CREMA-D+RAVDESS", "65.14")
    assert of_paper["WA"] == of_paper["SI: UAR"] == "corpus not at hand: CREMA-D"
    # another corpus than the paper's: there is nothing to compare with
    assert (ours["corpus"], ours["paper"], ours["WA"], ours["WA - paper"]) == ("TESS+RAVDESS", "-", "16.67 (1 seed)", "-")
    assert "`large`: the paper's figure is its best validation accuracy." in text_of(folder)


def test_a_twin_stands_below_its_row_and_what_no_paper_has_at_the_end(folder: Path) -> None:
    put(folder, splits.PAPER, 0, "80-20", SEED_1, "tiny-tuned")
    text = text_of(folder)
    assert cells(text, "`tiny-tuned`")["network"] == "a tiny one; tuned"
    assert cells(text, "`tiny-tuned`")["WA - paper"] == "-13.33"
    places = [text.index(f"| `{name}` |") for name in ("tiny", "tiny-tuned", "absent", "large", "mine")]
    assert places == sorted(places)
    assert "## Recipes of our own" in text


def test_the_table_by_label(folder: Path) -> None:
    put(folder, splits.PAPER, 0, "80-20", SEED_0)
    text = text_of(folder)
    assert "paper, 1 seed:\n\n| label | tested | precision | recall | F1 |" in text
    assert "| anger | 2 | 66.7 | 100.0 | 80.0 |" in text  # said 3 times, true 2 times, both 2 times
    assert "| neutral | 2 | 100.0 | 50.0 | 66.7 |" in text


def test_chance_and_versions(folder: Path) -> None:
    put(folder, splits.PAPER, 0, "80-20", SEED_0)
    text = text_of(folder)
    assert "| TINY | 18 | 3 | 3 | 3 | 33.33 | 33.33 |" in text
    assert "| EMO-DB | 535 | 10 | 10 | 7 | 14.29 | 23.74 |" in text
    assert "| affectd 0.1.0, python 3.11.7 | 1 |" in text


@pytest.mark.parametrize(
    ("corpus", "n_folds"),
    [("EMO-DB", 10), ("CASIA", 4), ("RAVDESS", 6), ("TESS", 2), ("nEMO", 9), ("RAVDESS-7", 6), ("TESS+CREMA-D+RAVDESS", 6)],
)
def test_how_many_folds_a_corpus_has(corpus: str, n_folds: int) -> None:
    source = by_name(corpus)
    assert source is not None
    assert n_speaker_folds(source) == n_folds


def test_scores_of_one_result_are_its_own() -> None:
    made_by = replace(tiny.RECIPE, name="tiny")
    scores = Scores(made_by, splits.PAPER, [result(made_by, splits.PAPER, 0, "80-20", SEED_1)])
    assert scores.by_seed("uar") == [pytest.approx(100 * (3 / 4 + 1) / 3)]
    assert scores.matrix.tolist() == SEED_1


def test_the_papers_rows_are_known_and_told_apart() -> None:
    names = [row.recipe for row in papers.ROWS]
    assert len(set(names)) == len(names)
    assert all(by_name(row.corpus) is not None and row.paper in papers.TITLES for row in papers.ROWS)
    assert {name: papers.row_of(name) for name in names} == dict(zip(names, papers.ROWS))
    for twin, of in (("paper5-conv1d-leaky", "paper5-conv1d"), ("paper3-2d-pieces-emodb-tuned", "paper3-2d-pieces-emodb")):
        row = papers.row_of(twin)
        assert row is not None
        assert row.recipe == of
    assert papers.row_of("paper5-conv1dx") is None


def test_a_seat_that_knows_its_speaker_has_a_table(folder: Path) -> None:
    made_by = recipe.load("tiny")
    for fold, cold, known in (("03", SPEAKER_03, SPEAKER_03), ("08", SPEAKER_08, [[2, 0, 0], [0, 2, 0], [0, 0, 2]])):
        told = result(made_by, splits.SPEAKER_INDEPENDENT, 0, fold, cold)
        under = {"10 heard": known, "all heard": known, "3 heard": cold, "1 calm heard": cold}
        run = Run(made_by, splits.SPEAKER_INDEPENDENT, 0, fold)
        results.write(run, replace(told, conditions=under), folder / "results")
    text = text_of(folder)
    assert "| none | 61.11 | 66.67 |\n| 1 calm heard | 61.11 | 66.67 |\n| 3 heard | 61.11 | 66.67 |\n" in text
    assert "| 10 heard | 100.00 | 100.00 |\n| all heard | 100.00 | 100.00 |\n" in text


def told(fold: str, first: str, second: str) -> list[str]:
    """Two utterances, of label 0 and 1; the log-probabilities of each."""
    a, b, _ = recipe.load("tiny").labels
    return [f"{fold} one {a} {first}", f"{fold} two {b} {second}"]


def test_what_the_seeds_say_together_is_the_mean_of_their_log_probabilities(folder: Path) -> None:
    made_by = recipe.load("tiny")
    # each seed errs on one utterance, and is less sure of it than the other seed
    answers = {0: ("-0.1 -3 -4", "-0.6 -0.9 -4"), 1: ("-0.9 -0.6 -4", "-3 -0.1 -4")}
    for seed, (first, second) in answers.items():
        for fold in tiny.SPEAKERS:
            one = result(made_by, splits.SPEAKER_INDEPENDENT, seed, fold, [[1, 0, 0], [1, 0, 0], [0, 0, 0]])
            kept = replace(one, conditions={"10 heard": one.confusion}, answers={"cold": told(fold, first, second)})
            results.write(Run(made_by, splits.SPEAKER_INDEPENDENT, seed, fold), kept, folder / "results")
    scores = at_hand(folder / "results")["tiny"][splits.SPEAKER_INDEPENDENT]
    assert {name: matrix.tolist() for name, matrix in scores.averaged.items()} == {"cold": [[3, 0, 0], [0, 3, 0], [0, 0, 0]]}
    assert "averaged, which one network that learns from them all would aim at: cold: UAR 100.00." in text_of(folder)


def test_answers_of_different_utterances_have_no_mean(folder: Path) -> None:
    labels = recipe.load("tiny").labels
    one, other = (Answers.read(told(fold, "-0.1 -3 -4", "-3 -0.1 -4"), 3) for fold in ("03", "08"))
    with pytest.raises(LabError, match="answers of different utterances have no mean"):
        averaged([one, other], labels)
