"""A small AffectNet over the generated corpus: a recipe that trains in a second."""

from __future__ import annotations

from dataclasses import replace

from models.lab.recipe import Augmentation, Recipe
from tests.lab import tiny

KINDS = ("log_mel", "mfcc", "intensity_db", "centroid_hz", "rolloff_hz", "flux", "pitch")
RECIPE: Recipe = replace(
    tiny.RECIPE,
    network="affectnet",
    front_end=replace(tiny.RECIPE.front_end, kinds=KINDS, n_mels=16),
    window_frames=40,
    batch=4,
    epochs=3,
    dropout=None,
    learning_rate=3e-3,
    optimiser="adamw",
    label_smoothing=0.1,
    augment=Augmentation(time_scale=0.05, frequency_scale=0.04, masks=1, mask_part=0.1, mask_bands=3),
)
