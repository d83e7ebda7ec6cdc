"""How well is a new speaker's mood told in a cabin's noise, where the gate decides what is speech? EMO-DB's speakers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Mapping

from benchmarks.machine import facts
from benchmarks.noise_table import HEAD, WITHOUT_NOISE, Figures, rows
from benchmarks.noise_table import table as table

RECIPE = "affectnet-free"
NETWORKS = "build/lab"
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "recipe": {"default": RECIPE, "metavar": "NAME", "help": f"whose folds are judged (noise; default {RECIPE})"},
    "networks": {
        "default": NETWORKS,
        "metavar": "FOLDER",
        "help": f"where `affectd-lab evaluate` left them (noise; default {NETWORKS})",
    },
    "seeds": {"default": 1, "type": int, "metavar": "N", "help": "seeds 0 to N - 1 (noise; default 1)"},
    "card": {"action": "store_true", "help": "keep what was measured for the model's card (noise)"},
}
"""What the command line takes besides, by name."""

GATE_PACKAGE = "webrtcvad-wheels"
EVERY_IN_SHORT = 8
"""Of the utterances of a fold."""


def measure(
    short: bool, plot: Path | None, recipe: str = RECIPE, networks: str = NETWORKS, seeds: int = 1, card: bool = False
) -> dict[str, Any]:
    """Every test utterance in silence, in a cabin, and in its noise, of kinds trained with and of kinds held out.

    Ends the program, with the command that helps, where a fold is not trained or a corpus is not at hand.
    """
    if plot is not None:
        raise SystemExit("noise draws nothing: leave --plot away")
    if short and card:
        raise SystemExit("a card wants all of it: leave --short away")
    # one thread; read when the networks' library is imported, which the lab below does
    os.environ["OMP_NUM_THREADS"] = "1"
    # the lab wants a newer Python than the benchmarks beside this one
    from benchmarks.noise_heard import CABIN, CLEAN, TRAINED, UNHEARD
    from benchmarks.noise_scores import folds, in_place, uars_at_hand
    from models.lab import recipe as recipes
    from models.lab.errors import LabError

    try:
        chosen = recipes.load(recipe)
        judged = folds(chosen, seeds, Path(networks), EVERY_IN_SHORT if short else 1)
        without = uars_at_hand(recipes.load(WITHOUT_NOISE[recipe]), seeds) if recipe in WITHOUT_NOISE else []
        places = (CLEAN, TRAINED[1]) if short else (CLEAN, CABIN, *TRAINED, *UNHEARD)
        figures: dict[str, Any] = {"recipe": recipe, "seeds": seeds, "folds": [fold.name for fold in judged]}
        figures["trained without noise"] = without
        figures["places"] = {place.name: in_place(place, judged, chosen) for place in places}
    except LabError as trouble:
        raise SystemExit(f"noise: {trouble}") from trouble
    if card:
        as_measured(figures).write()
    return figures


def as_measured(figures: Figures) -> Any:
    """For the model's card: a `models.lab.measured.Measured`."""
    from models.lab.measured import Measured
    from models.lab.versions import versions

    machine = facts()
    # the networks are torch's; of the service it is the gate that took part
    machine["versions"] = {**versions(), GATE_PACKAGE: machine["versions"][GATE_PACKAGE]}
    seeds = f"{figures['seeds']} seeds, mean and deviation" if figures["seeds"] > 1 else "1 seed"
    about = (
        f"UAR in per cent, pooled over {len(figures['folds'])} folds, {seeds}: each fold's networks on a speaker whom they "
        "were not trained with. A second of silence is before and after each utterance, and the noise goes on in it. *By the "
        "gate*: the service's own, with the settings that ship, decides what is speech; of several stretches the longest is "
        "judged; what it misses is wrong. *Bounds known*: somebody told where the speech is. What ten utterances were heard "
        "before was said in the same place. The SNR is that of the speech alone, in a drawn cabin; the kinds held out are "
        "rain, made up and recorded, and a train. *Lost*: to clean, cold and by the gate; *of it by the gate*: to bounds known "
        "in the same place, so that the rest is the room's, the microphone's and the noise's. Nothing of it was recorded in a "
        "moving car, and the gate's test for speech has heard EMO-DB's speakers."
    )
    return Measured(
        model=figures["recipe"],
        question="noise",
        title="In a cabin's noise",
        command=f"python -m benchmarks noise --recipe {figures['recipe']} --seeds {figures['seeds']} --card",
        about=about,
        head=HEAD,
        rows=rows(figures),
        machine=machine,
        figures=figures,
    )
