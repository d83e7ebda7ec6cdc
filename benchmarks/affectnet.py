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
EXCERPT_S, BLOCK_MS = 3, 100
BESIDE_CL = Goal(">=", 2.0, 5.0)
BESIDE_RECOMPUTED = Goal(">=", 8.0, 20.0)
ROUNDS, SHORT_ROUNDS = 600, 20
OPTIONS = {"model": {"metavar": "NAME", "help": "of affectnet: one that ships, or a file's path"}}
"""Of the command line, beside those of every benchmark."""
WHOLE, STREAMED, IN_ALL = "3 s through the network", "100 ms of new sound", "100 ms of new sound, the front end included"
STAGES_S = {"the files": (8.0, 6.0), WHOLE: (10.0, 1.0), STREAMED: (8.0, 1.0), IN_ALL: (20.0, 1.0)}
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

    def blocks(self) -> list[F32]:
        """Of BLOCK_MS each."""
        return list(self.samples.reshape(-1, self.rate_hz * BLOCK_MS // 1000))


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
    for question, sides in ((STREAMED, _streamed), (IN_ALL, _in_all)):
        progress.stage(question)
        rounds[question] = _in_turn({each: sides(model, heard) for each, model in models.items()}, n_rounds)
    lines = [asdict(line) for line in _lines(rounds)]
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


def _streamed(model: StreamModel, heard: Excerpt) -> dict[str, Side]:
    """Likewise, of the new steps alone: frames come by ten, steps take four, so that pieces are of 8 and 12 in turn."""
    frames = feature_frames(heard.samples, model.contract.front_end)
    utterance, n = model.begin(), len(heard.blocks()[0]) // model.contract.front_end.hop_samples
    begun, *pieces = (utterance.push(frames[at : at + n]) for at in range(0, len(frames) - n, n))
    model.answer([begun])
    n_pieces = len(pieces) // 2 * 2  # the others go on from whatever was before
    return {"recomputed": _whole(model, heard), "streamed": lambda i: model.answer([pieces[i % n_pieces]])}


def _in_all(model: StreamModel, heard: Excerpt) -> dict[str, Side]:
    """From samples to probabilities."""
    front_end, blocks = model.contract.front_end, heard.blocks()
    online, utterance = OnlineFrontEnd(front_end, len(blocks[0])), model.begin()

    def stream(i: int) -> None:
        model.answer([utterance.push(online.push(blocks[i % len(blocks)]))])

    for i in range(len(blocks)):
        stream(i)
    return {
        "recomputed": lambda _: model.answer([model.begin().push(feature_frames(heard.samples, front_end))]),
        "streamed": stream,
    }


def _in_turn(sides: Mapping[str, Mapping[str, Side]], n_rounds: int) -> Rounds:
    """Each precision's two sides beside each other."""
    found: Rounds = {}
    for precision, both in sides.items():
        found.update({f"{precision}, {name}": ns for name, ns in alternate(both, n_rounds).items()})
    return found


def _lines(rounds: Mapping[str, Rounds]) -> list[Line]:
    of_cl, *_ = (name for name in rounds[WHOLE] if name.endswith("one window"))
    lines = []
    for name, ns in rounds[WHOLE].items():
        line, goal = side(WHOLE, name, ns, ours=not name.startswith(CL)), BESIDE_CL if name == PRECISE else None
        lines.append(line if name == of_cl else compared(line, rounds[WHOLE][of_cl], ns, "times CL's speed", goal))
    for question in (STREAMED, IN_ALL):
        for name, ns in rounds[question].items():
            line, precision = side(question, name, ns), name.split(",")[0]
            if name.endswith("streamed"):
                goal = BESIDE_RECOMPUTED if precision == PRECISE else None
                line = compared(line, rounds[question][f"{precision}, recomputed"], ns, "times cheaper", goal)
            lines.append(line)
    return lines


def table(figures: dict[str, Any]) -> str:
    """The figures in columns, and how to read them."""
    sizes = ", ".join(f"{precision} {size} kB" for precision, size in figures["kilobytes"].items())
    made_up = " Its weights are random: it does not ship yet." if figures["model"] == MADE_UP else ""
    return (
        f"{figures['model']}: {sizes}.{made_up}\n\n{table_of_lines(figures['lines'])}\n\n"
        "Times are the thread's own on one core, the network on one thread. By pairs: the median of the ratios, two rounds by\n"
        "two, which is what is judged. Recomputed: 3 s from their beginning; streamed: the new frames alone, 8 and 12 in turn."
    )


def card_rows(figures: Mapping[str, Any]) -> Any:
    """The same as `models.lab.measured.Measured`: a row a precision."""
    from models.lab.measured import Measured

    by_name = {(line["question"], line["side"]): line for line in figures["lines"]}
    rows = []
    for precision, size in figures["kilobytes"].items():
        whole = by_name[WHOLE, precision]
        parts = (by_name[question, f"{precision}, streamed"] for question in (STREAMED, IN_ALL))
        cells = [f"{part['median_us'] / 1e3:.2f} ms, {part['value']:.1f} times" for part in parts]
        rows.append([NAMES[precision], f"{size} kB", f"{whole['median_us'] / 1e3:.2f} ms, {whole['value']:.1f} times", *cells])
    return Measured(
        model=figures["model"],
        question="affectnet",
        title="Time",
        command="python -m benchmarks affectnet",
        about=(
            f"Of one thread. 3 s: of speech, through the network, and how many times faster than one window of `{CL}` in the "
            "same run. 100 ms: of new sound in the stream, and how many times cheaper than to compute 3 s from the beginning; "
            "in the last column with the front end, from samples to probabilities. Half precision is for accelerators: on a "
            "processor it is computed in float32."
        ),
        head=("precision", "file", "3 s", "100 ms", "100 ms, all"),
        rows=rows,
        machine=facts(),
        figures={"sha256": figures["sha256"], "lines": figures["lines"]},
    )
