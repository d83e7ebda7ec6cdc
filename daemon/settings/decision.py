"""The settings of the decision."""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.settings.wish import want
from models.contract import Contract


@dataclass(frozen=True)
class DecisionSettings:
    """From probabilities to something worth publishing."""

    min_confidence: float = 0.0
    """Below it the label is `uncertain`; 0: what the model asks for, which its card justifies."""
    smoothing_s: float = 5.0
    """Time constant of the mood's probabilities, counted in speech."""
    margin: float = 0.1
    """A new mood must lead the old one by this probability ..."""
    patience: int = 2
    """... in so many windows running."""
    forget_after_s: float = 60.0
    """Without speech for so long, the mood is `uncertain` again."""
    episode_after_s: float = 3.0
    """A mood that has lasted so long is an episode."""
    episode_update_s: float = 10.0
    state_every_s: float = 10.0
    """The retained state is sent anew at least so often."""

    def __post_init__(self) -> None:
        want(0.0 <= self.min_confidence < 1.0, "min_confidence", self.min_confidence, "0 to below 1")
        want(0.0 <= self.margin < 1.0, "margin", self.margin, "0 to below 1")
        want(self.patience >= 1, "patience", self.patience, "at least 1")
        for name in ("smoothing_s", "forget_after_s", "episode_after_s", "episode_update_s", "state_every_s"):
            want(0.0 < getattr(self, name) <= 86400.0, name, getattr(self, name), "above 0, at most a day")

    def with_model(self, contract: Contract) -> DecisionSettings:
        """With what is left to the model taken from it."""
        return self if self.min_confidence else replace(self, min_confidence=contract.min_confidence)
