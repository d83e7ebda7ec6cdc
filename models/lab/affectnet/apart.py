"""What AffectNet's two branches say apart: a model file of it, both laid open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from models.adaptation import Heard
from models.lab.affectnet import heard
from models.lab.affectnet.heard import Condition
from models.lab.affectnet.judge import whole_steps
from models.lab.affectnet.voices import Voices
from models.lab.errors import LabError
from models.streaming import FUNCTIONALS, HEARD, LOGITS, STATE

LOG_MEL = "log_mel"


@dataclass(frozen=True)
class Apart:
    """Log-probabilities (n_utterances, n_labels) of the same utterances, by branch."""

    of_log_mel: NDArray[np.float64]
    of_functionals: NDArray[np.float64]

    def weighed(self, share: float) -> NDArray[np.float64]:
        """(n_utterances, n_labels) as the network makes one of them, where the log-mel's branch has this share."""
        return share * self.of_log_mel + (1.0 - share) * self.of_functionals


class Branches:
    """A model file, asked for what each branch says of a whole utterance."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Raises LabError for a file whose answer is not the sum of two branches, each times its share."""
        laid_open = onnx.ModelProto()
        laid_open.CopyFrom(model)
        self._names, self.share = _addends(model.graph)
        """Of the log-mel's branch, as the file has it."""
        for name in self._names:
            laid_open.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(laid_open.SerializeToString(), options, providers=["CPUExecutionProvider"])
        self._begin = {
            each.name: np.zeros([n if isinstance(n, int) else 1 for n in each.shape], np.float32)
            for each in self._session.get_inputs()
            if each.name.startswith(STATE)
        }

    def said(self, voices: Voices, condition: Condition, seed: int) -> Apart:
        """Of every utterance; what the seat heard before it is drawn by `seed`."""
        rng = np.random.default_rng(seed)
        each = [self._of_one(voices, i, heard.in_test(voices, i, condition, rng)) for i in range(len(voices.log_mel))]
        of_log_mel, of_functionals = np.array(each, np.float64).transpose(1, 0, 2)
        return Apart(of_log_mel, of_functionals)

    def _of_one(self, voices: Voices, position: int, known: Heard) -> Sequence[NDArray[np.float32]]:
        told = {
            LOG_MEL: whole_steps(voices.log_mel[position])[np.newaxis],
            FUNCTIONALS: voices.functionals[position][np.newaxis],
            **dict(zip(HEARD, heard.stacked([known]))),
        }
        return [rows[0] for rows in self._session.run(self._names, {**told, **self._begin})]


def _addends(graph: onnx.GraphProto) -> tuple[tuple[str, str], float]:
    """What is weighed, the log-mel's first, and the weight of that."""
    made_by = {name: node for node in graph.node for name in node.output}
    found: list[tuple[str, float]] = []
    for name in made_by[LOGITS].input:
        node = made_by.get(name)
        constants = [each for each in (node.input if node else ()) if each in made_by and made_by[each].op_type == "Constant"]
        if node is not None and node.op_type == "Mul" and len(constants) == 1:
            (weighed,) = [each for each in node.input if each not in constants]
            found.append((weighed, round(float(onnx.numpy_helper.to_array(made_by[constants[0]].attribute[0].t)), 6)))
    if len(found) != 2:
        raise LabError("the model's answer is not the weighed sum of two branches: want an AffectNet")
    (of_log_mel, share), (of_functionals, _) = found
    return (of_log_mel, of_functionals), share
