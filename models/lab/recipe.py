"""A recipe: one TOML file that says how a network is trained. Unknown keys are refused."""

from __future__ import annotations

import difflib
import sys
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParamError
from dsp.params import SAMPLES, FrontEndParams
from models.lab import corpora
from models.lab.corpora import Corpus, Utterance, View
from models.lab.errors import LabError
from models.lab.splits import EIGHT_TWO, is_share

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent / "recipes"
OPTIMISERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "one_cycle")
STATISTICS = ("mean", "deviation")
CLASSICAL = ("decision_tree", "knn", "svm", "svm_rbf")
"""What is no network, by the name that a recipe gives it; see `classical.py`."""
FUNCTIONALS = "functionals"
"""What CLASSICAL may have of the frames instead of `STATISTICS`: all of `dsp.functionals`."""
EGEMAPS = "egemaps"
"""What CLASSICAL may have alone, of the samples: openSMILE's table, see `egemaps.py`."""
AFFECTNET = "affectnet"
"""What is no network over windows: it hears whole utterances, see `affectnet/`."""
AFFECTNET_ALONE = "affectnet-alone"
"""The same that never knows what a seat heard before: told by it is what knowing costs a seat that has heard nothing."""
CABIN = tuple(f"cabin_{number}" for number in range(1, 5))
"""Copies in the noise of a moving car's cabin, each in another's."""
SMALL_CHANGES = ("noise", "shift", "stretch", "pitch")
"""Copies as in paper 5."""
COPIES = (*SMALL_CHANGES, *CABIN)
LEAKY = "-leaky"
"""What the name of a recipe ends in that makes its copies before the split."""
_OF_A_NETWORK = ("window_frames", "stride_frames", "epochs", "batch", "learning_rate", "bf16")
_OF_ALL = ("source", "corpus", "network", "front_end", "trim_db", "statistics", "share", "copies", "copies_before_split")
_OF_AN_SVM = ("svm_c", "label_weight")


@dataclass(frozen=True)
class Augmentation:
    """How a training window is made to differ from epoch to epoch; see `augment.py`. All 0: only by where it is cut."""

    time_scale: float = 0.0
    """Natural log of the largest stretch or squeeze of time."""
    frequency_scale: float = 0.0
    """The same of frequency, on spectra."""
    masks: int = 0
    """Stretches of time, and of a spectrum's bands as many, that are hidden."""
    mask_part: float = 0.0
    """The longest stretch of time, as a part of the window."""
    mask_bands: int = 0
    """The widest stretch of bands."""
    mixup: float = 0.0
    """Both parameters of the beta distribution that the share of the other example is drawn from."""


@dataclass(frozen=True)
class Recipe:
    """Everything that a training run depends on, but for its seed and its fold."""

    name: str
    corpus: Corpus | View
    network: str
    """One of `models.networks.catalogue`, or of CLASSICAL."""
    front_end: FrontEndParams
    trim_db: float
    """Utterances are trimmed to the frames within this many dB of their loudest, as the speech gate would."""
    source: str
    """Where the recipe comes from and where it differs."""
    window_frames: int = 0
    """This and the next five: required of a network, 0 for what is none."""
    stride_frames: int = 0
    """Between the test windows of one utterance; in training one window is drawn at random each epoch.

    AffectNet has no windows: `window_frames` is the longest cut that it learns from, `stride_frames` how often it is asked."""
    epochs: int = 0
    batch: int = 0
    learning_rate: float = 0.0
    bf16: bool = False
    """Mixed precision in training, where the processor has it."""
    statistics: tuple[str, ...] = ("mean",)
    """Of the frames of a window, for a network over a table; of the utterance, for CLASSICAL."""
    copies: tuple[str, ...] = ()
    """Each training recording is learnt from along with copies of it by noise, shift, stretch, pitch; see `copies.py`."""
    copies_before_split: bool = False
    """True: copies are split and tested on like recordings, so that those of one recording may be on both sides."""
    svm_c: float = 1.0
    """What an SVM pays for an utterance on the wrong side."""
    dropout: float | None = None
    """None: the network's own, which is its paper's."""
    optimiser: str = "adam"
    momentum: float = 0.0
    """Of sgd."""
    weight_decay: float = 0.0
    schedule: str = "constant"
    """constant, or one_cycle: up to `learning_rate` and down to next to nothing."""
    clip_norm: float = 0.0
    """The gradient is shortened to this length; 0: it is not."""
    label_smoothing: float = 0.0
    label_weight: float = 0.0
    """0: every utterance counts alike in the loss; 1: every label does."""
    share: tuple[int, ...] = EIGHT_TWO
    """Per cent of the paper protocol's training and test part, or training, validation and test part."""
    patience: int = 0
    """Epochs without a smaller loss on a validation part, cut from the training part by speaker, after which training ends and
    the best epoch is taken; 0: there is no such part, and the last epoch is taken."""
    augment: Augmentation = Augmentation()
    begins_as: str = ""
    """AffectNet's alone: the recipe of another corpus, with whose network of the same seed training begins."""

    @property
    def is_classical(self) -> bool:
        """Whether it trains no network: it has no epochs, no checkpoint, and makes no model file."""
        return self.network in CLASSICAL

    @property
    def is_affectnet(self) -> bool:
        """Whether it hears whole utterances."""
        return self.network in (AFFECTNET, AFFECTNET_ALONE)

    @property
    def knows_seats(self) -> bool:
        """Whether it learns from what a seat heard before, too."""
        return self.network == AFFECTNET

    @property
    def has_windows(self) -> bool:
        """Whether it trains a network that sees one window of frames at a time."""
        return not (self.is_classical or self.is_affectnet)

    @property
    def labels(self) -> list[str]:
        """What the network tells apart, in the order of its logits."""
        return sorted(self.corpus.n_by_label)

    def classes(self, utterances: Sequence[Utterance]) -> NDArray[np.int64]:
        """(n_utterances,) the place of each one's label among `labels`."""
        return np.array([self.labels.index(utterance.label) for utterance in utterances], np.int64)

    def as_dict(self) -> dict[str, Any]:
        """All values, ready for JSON."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain.update(statistics=list(self.statistics), share=list(self.share), copies=list(self.copies))
        nested = {"front_end": self.front_end.as_dict(), "augment": asdict(self.augment)}
        return {**plain, "corpus": self.corpus.name, **nested}


def names() -> list[str]:
    """The recipes at hand."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Recipe:
    """The recipe of that name. Raises LabError for an unknown one, or for one that holds nonsense."""
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        raise LabError(f"no recipe {name!r}: known are {', '.join(names())}")
    try:
        values = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as trouble:
        raise LabError(f"{path}: {trouble}") from trouble
    return _checked(path, values)


def _checked(path: Path, values: dict[str, Any]) -> Recipe:
    _require_keys(path, values, Recipe, leave_out=("name",))
    corpus = corpora.by_name(values["corpus"]) if isinstance(values["corpus"], str) else None
    if corpus is None:
        known = ", ".join([*corpora.CORPORA, *corpora.VIEWS])
        raise LabError(f"{path}: unknown corpus {values['corpus']!r}: known are {known}")
    augment = values.get("augment", {})
    _require_keys(path, augment, Augmentation)
    _require_types(path, values, Recipe)
    _require_types(path, augment, Augmentation)
    _require_what_counts(path, values)
    _require_ranges(path, values)
    try:
        front_end = FrontEndParams.from_dict(values["front_end"])
    except ParamError as trouble:
        raise LabError(f"{path}: {trouble}") from trouble
    statistics = _some_of(path, values, "statistics", _statistics_of(values["network"])) or Recipe.statistics
    if EGEMAPS in statistics and (len(statistics) > 1 or front_end.kinds != (SAMPLES,)):
        raise LabError(
            f'{path}: {EGEMAPS} is made of the samples alone: want statistics = ["{EGEMAPS}"], kinds = ["{SAMPLES}"]'
        )
    share = values.get("share", list(EIGHT_TWO))
    if not isinstance(share, list) or not is_share(share):
        raise LabError(f"{path}: share is {share!r}: want two or three whole numbers above zero that add up to 100")
    copies = _some_of(path, values, "copies", COPIES)
    leaky = path.stem.endswith(LEAKY)
    if values.get("copies_before_split", False) != leaky or (leaky and not copies):
        raise LabError(f"{path}: copies_before_split is for recipes with copies whose name ends in {LEAKY}, and for all such")
    made = {
        "statistics": statistics,
        "copies": copies,
        "share": tuple(share),
        "name": path.stem,
        "corpus": corpus,
        "front_end": front_end,
        "augment": Augmentation(**augment),
    }
    return Recipe(**{**values, **made})


def _require_keys(path: Path, values: dict[str, Any], kind: type, leave_out: Sequence[str] = ()) -> None:
    wanted = {field.name: field.default for field in fields(kind) if field.name not in leave_out}
    for key in values:
        if key not in wanted:
            near = difflib.get_close_matches(key, wanted, n=1)
            raise LabError(f"{path}: unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    missing = sorted(name for name, default in wanted.items() if default is MISSING and name not in values)
    if missing:
        raise LabError(f"{path}: lacks {', '.join(missing)}")


def _statistics_of(network: str) -> tuple[str, ...]:
    return (*STATISTICS, FUNCTIONALS, EGEMAPS) if network in CLASSICAL else STATISTICS


def _some_of(path: Path, values: dict[str, Any], key: str, known: Sequence[str]) -> tuple[str, ...]:
    chosen = values.get(key)
    if chosen is None:
        return ()
    if not isinstance(chosen, list) or not chosen or any(chosen.count(each) > 1 or each not in known for each in chosen):
        raise LabError(f"{path}: {key} is {chosen!r}: want a list of {', '.join(known)}, each at most once")
    return tuple(chosen)


def _require_what_counts(path: Path, values: dict[str, Any]) -> None:
    """A network needs all that its training depends on; what is classical is refused what it would pass over."""
    network = values["network"]
    _require_known(path, "network", network, _known_networks(network))
    if network in CLASSICAL:
        counts = (*_OF_ALL, *_OF_AN_SVM) if network.startswith("svm") else _OF_ALL
        idle = [key for key in values if key not in counts]
    else:
        missing = sorted(key for key in _OF_A_NETWORK if key not in values)
        if missing:
            raise LabError(f"{path}: lacks {', '.join(missing)}")
        of_others = ("svm_c",) if network in (AFFECTNET, AFFECTNET_ALONE) else ("svm_c", "begins_as")
        idle = [key for key in values if key in of_others]
    if idle:
        raise LabError(f"{path}: {network} takes no {', '.join(idle)}")


def _require_types(path: Path, values: dict[str, Any], kind: type) -> None:
    allowed = {"int": (int,), "float": (int, float), "float | None": (int, float), "str": (str,), "bool": (bool,)}
    for field in fields(kind):
        want, value = allowed.get(str(field.type)), values.get(field.name)
        if want is None or value is None:
            continue
        if not isinstance(value, want) or (isinstance(value, bool) and bool not in want):
            raise LabError(f"{path}: {field.name} is {value!r}: want a value of type {str(field.type).split(' ')[0]}")


def _require_ranges(path: Path, values: dict[str, Any]) -> None:
    for key in ("window_frames", "stride_frames", "epochs", "batch", "learning_rate", "trim_db", "svm_c"):
        if not values.get(key, 1) > 0:
            raise LabError(f"{path}: {key} is {values[key]}: want a value above zero")
    for key in ("dropout", "momentum", "label_smoothing"):
        if not 0 <= values.get(key, 0) < 1:
            raise LabError(f"{path}: {key} is {values[key]}: want 0 <= value < 1")
    for key in (key for key in ("weight_decay", "clip_norm", "label_weight", "patience") if values.get(key, 0) < 0):
        raise LabError(f"{path}: {key} is {values[key]}: want 0 or more")
    for key, value in values.get("augment", {}).items():
        if value < 0 or (key == "mask_part" and value > 1):
            raise LabError(f"{path}: augment.{key} is {value}: want 0 or more, mask_part at most 1")
    for key, known in (("optimiser", OPTIMISERS), ("schedule", SCHEDULES)):
        _require_known(path, key, values.get(key, known[0]), known)


def _require_known(path: Path, key: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise LabError(f"{path}: unknown {key} {value!r}: known are {', '.join(known)}")


def _known_networks(wanted: str) -> Sequence[str]:
    if wanted in CLASSICAL:
        return CLASSICAL
    # the networks need torch, which `affectd-lab corpora` and what is classical do without
    from models.networks.catalogue import NETWORKS

    return (*NETWORKS, AFFECTNET, AFFECTNET_ALONE, *CLASSICAL)
