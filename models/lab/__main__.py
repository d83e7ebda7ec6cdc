"""`affectd-lab`: corpora, training, evaluation, export."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Sequence

from models.lab.errors import LabError

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Errors are one line on stderr; the exit code is 0 or 2."""
    options = _parser().parse_args(arguments)
    try:
        command: int = options.command(options)
        return command
    except LabError as trouble:
        print(f"affectd-lab: {trouble}", file=sys.stderr)
    except ModuleNotFoundError as trouble:
        if trouble.name not in ("torch", "onnx"):
            raise
        print(f"affectd-lab: {trouble.name} is not installed: pip install 'affectd[lab]'", file=sys.stderr)
    except KeyboardInterrupt:
        print("affectd-lab: stopped; the same command goes on from the last checkpoint", file=sys.stderr)
    return USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="affectd-lab", description="Train and evaluate the models of affectd.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    evaluate = commands.add_parser("evaluate", help="train and test a recipe under a protocol")
    evaluate.add_argument("recipe")
    evaluate.add_argument("--protocol", required=True)
    evaluate.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N - 1 (default 1)")
    evaluate.add_argument("--workers", type=int, default=1, metavar="N", help="processes side by side (default 1)")
    evaluate.set_defaults(command=_evaluate)
    return parser


def _evaluate(options: argparse.Namespace) -> int:
    from models.lab import metrics, recipe, results
    from models.lab.evaluate import evaluate

    found = evaluate(recipe.load(options.recipe), options.protocol, range(options.seeds), options.workers)
    matrix = results.pooled(found)
    print(json.dumps({"uar": metrics.uar(matrix), "wa": metrics.wa(matrix)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
