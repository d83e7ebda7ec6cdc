"""The benchmark runs in its short form, on a small file; what it says is what it measured, and so are the card's rows."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import affectnet
from benchmarks.affectnet import OFTEN, STREAMED, WHOLE, Excerpt
from tests.fixtures.stream_model import FILE

needs_lab = pytest.mark.skipif(sys.version_info < (3, 10), reason="the smaller files are made by the lab, Python 3.10 or newer")


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    cores = os.sched_getaffinity(0)
    try:
        return affectnet.measure(short=True, plot=None, model=str(FILE))
    finally:
        os.sched_setaffinity(0, cores)


@needs_lab
def test_every_precision_is_timed_whole_and_streamed(figures: dict[str, Any]) -> None:
    sides: dict[str, list[str]] = {}
    for line in figures["lines"]:
        assert line["p50_us"] > 0.0
        sides.setdefault(line["question"], []).append(line["side"])
    both = [f"{each}, {how}" for each in ("fp32", "fp16", "int8") for how in ("recomputed", "streamed")]
    of_whole = ["cl-emodb, one window", "cl-emodb, 3 windows", "fp32", "fp16", "int8"]
    assert sides == {WHOLE: of_whole, **dict.fromkeys(STREAMED, both)}
    judged = {(line["question"], line["side"]): line["must"] for line in figures["lines"] if line["must"]}
    assert judged == {(WHOLE, "fp32"): ">= 2", **{(each, "fp32, streamed"): ">= 8" for each in STREAMED}}


@needs_lab
def test_a_value_is_how_many_times_longer_the_other_took(figures: dict[str, Any]) -> None:
    by_name = {(line["question"], line["side"]): line for line in figures["lines"]}
    for line, other in (
        (by_name[WHOLE, "int8"], by_name[WHOLE, "cl-emodb, one window"]),
        (by_name[OFTEN, "fp16, streamed"], by_name[OFTEN, "fp16, recomputed"]),
    ):
        assert line["value_of_medians"] == pytest.approx(other["p50_us"] / line["p50_us"])


@needs_lab
def test_the_table_and_the_card_show_the_figures(figures: dict[str, Any]) -> None:
    said = affectnet.table(figures)
    assert all(line["side"] in said for line in figures["lines"])
    assert "random" not in said
    card = affectnet.card_rows(figures)
    assert [row[0] for row in card.rows] == ["float32", "half precision", "8 bits"]
    assert all(len(row) == len(card.head) for row in card.rows)
    whole = next(line for line in figures["lines"] if line["question"] == WHOLE and line["side"] == "int8")
    assert card.rows[2][2] == f"{whole['p50_us'] / 1e3:.2f} ms, {whole['value']:.1f} times"


@needs_lab
def test_without_a_name_it_is_full_size() -> None:
    from benchmarks.affectnet_files import made_up

    assert 1_000_000 < len(made_up()) < 4_000_000
    assert made_up() == made_up()


def test_three_seconds_in_which_somebody_speaks() -> None:
    heard = Excerpt.read()
    assert len(heard.samples) == 3 * heard.rate_hz
    assert [len(block) for block in heard.blocks(5120)] == 9 * [5120]
    assert np.sqrt(np.mean(np.square(heard.samples))) > 0.01


def test_it_draws_nothing() -> None:
    with pytest.raises(SystemExit, match="draws nothing"):
        affectnet.measure(short=True, plot=Path("here.png"))
