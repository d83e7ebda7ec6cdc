"""What AffectNet costs beside CL, streamed beside recomputed, in float32, half precision and 8 bits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Mapping

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.affectnet_files import MADE_UP, PRECISE, timed
from benchmarks.lines import Goal, Line, compared, side
from benchmarks.lines import table as table_of_lines
from benchmarks.machine import facts
from benchmarks.rounds import Progress, Rounds, Side, alternate, one_core
from daemon.demo.demo import RECORDING
from dsp.offline import feature_frames
from dsp.online import OnlineFrontEnd
from dsp.window import utterance_windows
from models import registry
from models.runtime import EmotionModel
from models.streaming import StreamModel

F32 = NDArray[np.float32]

CL = "cl-emodb"
EXCERPT_S = 3
NEW_MS = 100
"""Of sound, whose cost is told."""
BESIDE_CL = Goal(">=", 2.0, 5.0)
BESIDE_RECOMPUTED = Goal(">=", 8.0, 20.0)
ROUNDS, SHORT_ROUNDS = 600, 20
OPTIONS = {"model": {"metavar": "NAME", "help": "of affectnet: one that ships, or a file's path"}}
"""Of the command line, beside those of every benchmark."""
WHOLE = "3 s through the network"
OFTEN, AS_ASKED = "each 100 ms of new sound, asked then", "100 ms of new sound, asked as often as the contract says"
IN_ALL = ", the front end included"
STREAMED = (OFTEN, AS_ASKED, OFTEN + IN_ALL, AS_ASKED + IN_ALL)
STAGES_S = {"the files": (8.0, 6.0), WHOLE: (10.0, 1.0), **dict.fromkeys(STREAMED, (12.0, 1.0))}
"""What each takes about, in full and in short: for the progress alone."""
NAMES = {PRECISE: "float32", "fp16": "half precision", "int8": "8 bits"}


@dataclass(frozen=True)
class Excerpt:
    """What is heard."""

    samples: F32
    """(n,), EXCERPT_S long."""
    rate_hz: int

    @classmethod
    def read(cls) -> Excerpt:
        """The loudest 3 s of the bundled recording: somebody speaks there."""
        samples, rate_hz = soundfile.read(RECORDING, dtype="float32")
        n = EXCERPT_S * rate_hz
        begins = range(0, len(samples) - n, rate_hz // 2)
        loudest = max(begins, key=lambda begin: float(np.square(samples[begin : begin + n]).sum()))
        return cls(samples[loudest : loudest + n], rate_hz)

    def blocks(self, n_samples: int) -> list[F32]:
        """Of that length each; what is left over is dropped."""
        return list(self.samples[: len(self.samples) // n_samples * n_samples].reshape(-1, n_samples))


def measure(short: bool, plot: Path | None, model: str | None = None) -> dict[str, Any]:
    """`model`: one that ships, or a path; without it `affectnet`, and where that does not ship, one with random weights.

    What is found of a model that ships is put where its card finds it. Raises ModelError for a model that is not there.
    """
    if plot is not None:
        raise SystemExit("affectnet draws nothing: leave --plot away")
    if find_spec("onnx") is None:
        raise SystemExit("affectnet needs the lab's extra: pip install -e .[lab], with Python 3.10 or newer")
    one_core()
    heard, n_rounds = Excerpt.read(), SHORT_ROUNDS if short else ROUNDS
    progress = Progress({name: seconds[short] for name, seconds in STAGES_S.items()})
    progress.stage("the files")
    name, models, kilobytes = timed(model, heard.samples)
    rounds = {}
    progress.stage(WHOLE)
    rounds[WHOLE] = alternate({**_of_cl(heard), **{each: _whole(model, heard) for each, model in models.items()}}, n_rounds)
    for question in STREAMED:
        progress.stage(question)
        rounds[question] = {}
        for precision, each in models.items():
            for how, ns in alternate(_sides(question, each, heard), n_rounds).items():
                rounds[question][f"{precision}, {how}"] = ns
    contract = models[PRECISE].contract
    shares = {each: contract.front_end.sample_rate_hz * NEW_MS / 1000 / _n_samples(each, models[PRECISE]) for each in STREAMED}
    lines = [asdict(line) for line in _lines(rounds, shares)]
    figures = {"model": name, "sha256": models[PRECISE].sha256, "kilobytes": kilobytes, "lines": lines}
    if not short and name in registry.names():
        print(f"for the card: {card_rows(figures).write()}")
    return figures


def _of_cl(heard: Excerpt) -> dict[str, Side]:
    """One window, and what 3 s are to CL: as many windows, at once, as its contract makes of them."""
    model = EmotionModel.open(CL)
    contract = model.contract
    frames = feature_frames(heard.samples, contract.front_end)
    windows = utterance_windows(frames, contract.front_end, contract.window_frames, contract.stride_frames)
    return {
        f"{CL}, one window": lambda _: model.predict(windows[:1]),
        f"{CL}, {len(windows)} windows": lambda _: model.predict(windows),
    }


def _whole(model: StreamModel, heard: Excerpt) -> Side:
    """From log-mel and functionals that are there."""
    piece = model.begin().push(feature_frames(heard.samples, model.contract.front_end))
    return lambda _: model.answer([piece])


def _sides(question: str, model: StreamModel, heard: Excerpt) -> dict[str, Side]:
    """3 s computed from their beginning, and what one of STREAMED wants."""
    front_end = model.contract.front_end
    n_samples = _n_samples(question, model)
    if question.endswith(IN_ALL):
        online, utterance, blocks = OnlineFrontEnd(front_end, n_samples), model.begin(), heard.blocks(n_samples)
        for block in blocks:
            model.answer([utterance.push(online.push(block))])
        return {
            "recomputed": lambda _: model.answer([model.begin().push(feature_frames(heard.samples, front_end))]),
            "streamed": lambda i: model.answer([utterance.push(online.push(blocks[i % len(blocks)]))]),
        }
    frames, n = feature_frames(heard.samples, front_end), n_samples // front_end.hop_samples
    utterance = model.begin()
    begun, *pieces = (utterance.push(frames[at : at + n]) for at in range(0, len(frames) - n, n))
    model.answer([begun])
    # the others go on from whatever was before; frames come by ten, steps take four: pieces are of 8 and 12 in turn
    n_pieces = len(pieces) // 2 * 2
    return {"recomputed": _whole(model, heard), "streamed": lambda i: model.answer([pieces[i % n_pieces]])}


def _n_samples(question: str, model: StreamModel) -> int:
    """Between two answers."""
    front_end = model.contract.front_end
    if question.startswith(OFTEN):
        return front_end.sample_rate_hz * NEW_MS // 1000
    return model.contract.stride_frames * front_end.hop_samples


def _lines(rounds: Mapping[str, Rounds], shares: Mapping[str, float]) -> list[Line]:
    """`shares`: what NEW_MS are of the sound between two answers."""
    of_cl, *_ = (name for name in rounds[WHOLE] if name.endswith("one window"))
    lines = []
    for name, ns in rounds[WHOLE].items():
        line, goal = side(WHOLE, name, ns, ours=not name.startswith(CL)), BESIDE_CL if name == PRECISE else None
        lines.append(line if name == of_cl else compared(line, rounds[WHOLE][of_cl], ns, "times CL's speed", goal))
    for question in STREAMED:
        for name, ns in rounds[question].items():
            precision, how = name.split(", ")
            if how == "recomputed":
                lines.append(side(question, name, ns))
                continue
            new = np.maximum(1, np.round(ns * shares[question])).astype(np.int64)
            goal = BESIDE_RECOMPUTED if precision == PRECISE else None
            recomputed = rounds[question][f"{precision}, recomputed"]
            lines.append(compared(side(question, name, new), recomputed, new, "times cheaper", goal))
    return lines


def table(figures: dict[str, Any]) -> str:
    """The figures in columns, and how to read them."""
    sizes = ", ".join(f"{precision} {size} kB" for precision, size in figures["kilobytes"].items())
    made_up = " Its weights are random: it does not ship yet." if figures["model"] == MADE_UP else ""
    return (
        f"{figures['model']}: {sizes}.{made_up}\n\n{table_of_lines(figures['lines'])}\n\n"
        "Times are the thread's own on one core, the network on one thread. By pairs: the median of the ratios, two rounds by\n"
        "two, which is what is judged. Recomputed: 3 s from their beginning, once; streamed: the new frames alone."
    )


def card_rows(figures: Mapping[str, Any]) -> Any:
    """The same as `models.lab.measured.Measured`: a row a precision."""
    from models.lab.measured import Measured

    by_name = {(line["question"], line["side"]): line for line in figures["lines"]}
    rows = []
    for precision, size in figures["kilobytes"].items():
        whole = by_name[WHOLE, precision]
        parts = (by_name[question, f"{precision}, streamed"] for question in STREAMED)
        cells = [f"{part['p50_us'] / 1e3:.2f} ms, {part['value']:.1f} times" for part in parts]
        rows.append([NAMES[precision], f"{size} kB", f"{whole['p50_us'] / 1e3:.2f} ms, {whole['value']:.1f} times", *cells])
    return Measured(
        model=figures["model"],
        question="affectnet",
        title="Time",
        command="python -m benchmarks affectnet",
        about=(
            f"Of one thread. 3 s: of speech, through the network, and how many times faster than one window of `{CL}` in the "
            "same run. 100 ms: of new sound in the stream, and how many times cheaper than to compute 3 s from the beginning, "
            f"once: asked every {NEW_MS} ms, or as often as the service asks; in all: with the front end, from samples to "
            "probabilities. Half precision is for accelerators: on a processor it is computed in float32."
        ),
        head=("precision", "file", "3 s", "100 ms", "100 ms as asked", "100 ms in all", "100 ms in all as asked"),
        rows=rows,
        machine=facts(),
        figures={"sha256": figures["sha256"], "lines": figures["lines"]},
    )
