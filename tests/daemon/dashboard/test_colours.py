"""The colours of moods are told apart by the colour-blind, too."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.contract import LABELS, UNCERTAIN

MOODS = Path(__file__).parents[3] / "daemon" / "dashboard" / "static" / "moods.js"
# what who lacks a kind of cones sees, of linear RGB; Machado, Oliveira and Fernandes (2009), severity 1
SIGHTS = {
    "all cones": np.eye(3),
    "no long": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "no medium": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "no short": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])
LEAST = 12.0
"""Of CIE 1976's distance: 2.3 is just noticeable."""


def palette() -> dict[str, NDArray[np.float64]]:
    """sRGB, 0 to 1."""
    found = re.findall(r'^  (\w+): "#([0-9a-f]{6})",$', MOODS.read_text(), re.MULTILINE)
    return {label: np.array([int(code[at : at + 2], 16) for at in (0, 2, 4)]) / 255.0 for label, code in found}


def lab(colour: NDArray[np.float64], sight: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    share = XYZ @ np.clip(sight @ linear, 0.0, 1.0) / WHITE
    curve = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16.0 / 116.0)
    return np.array([116.0 * curve[1] - 16.0, 500.0 * (curve[0] - curve[1]), 200.0 * (curve[1] - curve[2])])


def test_every_label_has_a_colour() -> None:
    assert set(palette()) == {*LABELS, UNCERTAIN}


@pytest.mark.parametrize("sight", SIGHTS)
def test_no_two_moods_look_alike(sight: str) -> None:
    seen = {label: lab(colour, SIGHTS[sight]) for label, colour in palette().items()}
    near = {
        (one, other): round(float(np.linalg.norm(seen[one] - seen[other])), 1) for one, other in itertools.combinations(seen, 2)
    }
    assert {pair: distance for pair, distance in near.items() if distance < LEAST} == {}
