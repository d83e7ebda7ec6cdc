"""What does noise end as, and how much speech is taken for noise? Through the service's gate. NOISE, made up, three corpora."""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import facts
from daemon import assembly
from daemon.decision import verdict
from daemon.events import Block
from daemon.listener import Closed, Listener, Opened
from daemon.ports import Model
from daemon.settings import GateSettings, Settings
from dsp.window import FeatureWindow
from models import registry
from models.contract import UNCERTAIN

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "model": {"metavar": "NAME", "help": "one that ships, or a file's path (affectnet, not_speech)"}
}
"""Of the command line, beside those of every benchmark."""
AFFECTNET = "affectnet"
UNTRAINED = Path(__file__).parents[1] / "tests" / "fixtures" / "small_affectnet.onnx"
"""It has the front end of those that ship, and random weights: where none ships yet, what it says is not asked."""
CLIP_S, SILENCE_S, BLOCK_S = 5.0, 1.0, 0.1
LEVEL_DBFS = -25.0
"""Of recorded noise, and of a drive's: that of loud speech."""
N_CLIPS, N_UTTERANCES = 20, 100
"""At most: of each kind, and of each corpus."""
SEED = 5
"""Nothing that is made up here was trained on."""
DRIVE = "a drive"
IN_A_CAR = "10 dB"
"""Where noise that is made up is heard, besides as it is: see `benchmarks.noise_heard`."""

Pcm = NDArray[np.int16]


@dataclass(frozen=True)
class Row:
    """Clips or utterances of one kind, in percent."""

    kind: str
    where: str
    is_speech: bool
    n: int
    let_through: float
    """By the gate alone."""
    told: float
    """Those of which an utterance is told."""
    sure: float | None
    """Those of which one is told with a mood; None: no model was asked."""


def measure(short: bool, plot: Path | None, model: str | None = None) -> dict[str, Any]:
    """`model`: one that ships, or a path; without it `affectnet`, and where that does not ship, one without moods.

    What is found of a model that ships is put where its card finds it. Raises NotAtHand without the corpora, ModelError.
    """
    if plot is not None:
        raise SystemExit("not_speech draws nothing: leave --plot away")
    ships = AFFECTNET in registry.names()
    opened = assembly.open_model(model or (AFFECTNET if ships else str(UNTRAINED)))
    ear = Ear(opened, asked=bool(model) or ships)
    n_clips, n_utterances = (1, 1) if short else (N_CLIPS, N_UTTERANCES)
    rate_hz = opened.contract.front_end.sample_rate_hz
    rows = [ear.row(kind, where, False, sounds) for kind, where, sounds in noises(n_clips, rate_hz)]
    rows += [ear.row(kind, where, True, sounds) for kind, where, sounds in voices(n_utterances, rate_hz, short)]
    figures = {"model": opened.contract.name, "sha256": opened.sha256, "rows": [asdict(row) for row in rows]}
    if not short and opened.contract.name in registry.names():
        print(f"for the card: {card(figures).write()}")
    return figures


class Ear:
    """The service's gate, with its test for speech and without, and the model behind it."""

    def __init__(self, model: Model, asked: bool) -> None:
        self._model = model
        self._asked = asked
        self._settings = Settings()
        self._decision = self._settings.decision.with_model(model.contract)

    def row(self, kind: str, where: str, is_speech: bool, sounds: Iterable[Pcm]) -> Row:
        """One answer for each sound."""
        answers = [(self.let_through(sound), *self.told(sound)) for sound in sounds]
        let_through, told, sure = (round(100.0 * float(np.mean(column)), 2) for column in zip(*answers))
        return Row(kind, where, is_speech, len(answers), let_through, told, sure if self._asked else None)

    def let_through(self, sound: Pcm) -> bool:
        """Whether the gate alone takes anything in (n,) for speech."""
        anything = Settings(gate=GateSettings(speech_only=False))
        return any(isinstance(one, Closed) for one in self._heard(sound, anything))

    def told(self, sound: Pcm) -> tuple[bool, bool]:
        """Whether an utterance is told of (n,), and whether one has a mood."""
        labels = []
        for one in self._heard(sound, self._settings):
            if isinstance(one, Opened):
                being_said = self._model.begin()
            elif isinstance(one, FeatureWindow):
                piece = being_said.push(one.values)
                answer = self._model.answer([piece])[0] if self._asked else np.zeros(len(self._model.contract.labels))
            else:
                labels.append(verdict([answer], self._model.contract.labels, self._decision, one.clipped_share).label)
        return bool(labels), any(label != UNCERTAIN for label in labels)

    def _heard(self, sound: Pcm, settings: Settings) -> Iterator[Any]:
        listener: Listener = assembly.listener(settings, self._model.contract)
        block_samples = round(BLOCK_S * self._model.contract.front_end.sample_rate_hz)
        for start in range(0, len(sound), block_samples):
            yield from listener.push(Block(sound[start : start + block_samples], start, 0))
        yield from listener.finish()


Sounds = Iterator["tuple[str, str, list[Pcm]]"]
"""Kind, where it is heard, and what is heard there."""


def noises(n_clips: int, rate_hz: int) -> Sounds:
    """Recorded, each 5 s that there are; a drive of 20 s; and made up, as it is and in a car. Raises NotAtHand.

    No silence is around what is heard alone: out of that any noise would stand.
    """
    from benchmarks.noise_heard import CLEAN, TRAINED, said_in
    from dsp.framing import float32_from_int16
    from models.lab.cabin_noise import KINDS, drive
    from models.lab.corpora import corpora_root
    from models.lab.noise import FOLDER, recorded
    from models.lab.not_speech import MADE

    clip_samples, silence_samples = round(CLIP_S * rate_hz), round(SILENCE_S * rate_hz)
    for name, pcm in recorded(corpora_root(), rate_hz).items():
        samples = float32_from_int16(pcm)
        starts = list(range(0, max(1, len(samples) - clip_samples + 1), clip_samples))[:n_clips]
        clips = [at_level(samples[start : start + clip_samples]) for start in starts]
        yield f"{FOLDER}/{name}", "alone", [said_in(clip, CLEAN, 0) for clip in clips]
    drives = (at_level(drive(4 * clip_samples, rng, tuple(KINDS))) for rng in generators(DRIVE, n_clips))
    yield DRIVE, "alone", [said_in(each, CLEAN, 0) for each in drives]
    in_a_car = next(place for place in TRAINED if place.name == IN_A_CAR)
    for name, made in MADE.items():
        clips = [at_level(made(clip_samples, rng)) for rng in generators(name, n_clips)]
        yield name, "alone", [said_in(clip, CLEAN, 0) for clip in clips]
        yield name, "in a car", [said_in(clip, in_a_car, silence_samples) for clip in clips]


def voices(n_utterances: int, rate_hz: int, short: bool) -> Sounds:
    """Utterances that are drawn, as they are and in a cabin's noise; in short of one corpus. Raises NotAtHand."""
    from benchmarks.noise_heard import CLEAN, TRAINED, said_in
    from models.lab import recipe
    from models.lab.corpora import EMODB, NEMO_7, RAVDESS, TESS, corpora_root, find
    from models.lab.features import trimmed

    trims = recipe.load(AFFECTNET)
    for corpus in (EMODB,) if short else (EMODB, RAVDESS, NEMO_7, TESS):
        everything = find(corpus, corpora_root())
        chosen = np.random.default_rng(SEED).permutation(len(everything))[:n_utterances]
        samples = [trimmed(everything[i], trims) for i in chosen]
        for where in (CLEAN, *TRAINED):
            yield corpus.name, where.name, [said_in(each, where, round(SILENCE_S * rate_hz)) for each in samples]


def generators(name: str, n: int) -> Iterator[np.random.Generator]:
    """One a clip."""
    return (np.random.default_rng([SEED, i, zlib.crc32(name.encode())]) for i in range(n))


def at_level(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) at LEVEL_DBFS; peaks beyond full scale are cut."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) + 1e-20
    gain = 10.0 ** (LEVEL_DBFS / 20.0) / np.sqrt(power)
    return np.asarray(np.clip(samples * np.float32(gain), -1.0, 1.0), np.float32)


HEAD = ("kind", "heard", "clips", "let through by the gate, %", "told as an utterance, %", "told with a mood, %")


def cells(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Each row, then all noise and all speech by where it is heard, every clip counted once."""
    places = dict.fromkeys((row["is_speech"], row["where"]) for row in rows)
    return [
        [row["kind"], row["where"], str(row["n"]), f"{row['let_through']:.1f}", f"{row['told']:.1f}", _sure(row["sure"])]
        for row in [*rows, *(_pooled([row for row in rows if (row["is_speech"], row["where"]) == place]) for place in places)]
    ]


def _sure(share: float | None) -> str:
    return "not asked" if share is None else f"{share:.1f}"


def _pooled(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    n = [row["n"] for row in rows]
    asked = all(row["sure"] is not None for row in rows)
    shares = {name: float(np.average([row[name] for row in rows], weights=n)) for name in ("let_through", "told")}
    sure = float(np.average([row["sure"] for row in rows], weights=n)) if asked else None
    kind = "all speech" if rows[0]["is_speech"] else "all noise"
    return {"kind": kind, "where": rows[0]["where"], "n": sum(n), "sure": sure, **shares}


def table(figures: Mapping[str, Any]) -> str:
    """A row a kind and place."""
    lines = [HEAD, ("---",) * len(HEAD), *cells(figures["rows"])]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def card(figures: Mapping[str, Any]) -> Any:
    """The same as `models.lab.measured.Measured`."""
    from models.lab.measured import Measured

    return Measured(
        model=figures["model"],
        question="not_speech",
        title="What is no speech",
        command="python -m benchmarks not_speech",
        about=(
            f"Clips of {CLIP_S:g} s (a drive: {4 * CLIP_S:g} s) and utterances that were drawn, alone or in a cabin's noise "
            f"(in a car: {IN_A_CAR}), through the service's gate. An utterance is told of what passes the gate and moves as "
            "speech does; it has a mood where the model is sure enough, and is `uncertain` elsewhere. What tells speech was "
            "trained on EMO-DB, on other clips of the kinds that are made up, and on the recordings of NOISE but "
            "`crowd_cheering`, `dude_miaowing`, `rain`, `running_tap` and `train`. Cheering and miaowing are voices."
        ),
        head=HEAD,
        rows=cells(figures["rows"]),
        machine=facts(),
        figures={"sha256": figures["sha256"], "rows": figures["rows"]},
    )
