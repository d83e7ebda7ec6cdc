"""`affectd-lab`: corpora, training, evaluation, export."""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, Sequence

from models.lab import corpora, recipe, splits
from models.lab.archive import command as score
from models.lab.corpora import CORPORA, VIEWS, Corpus, View
from models.lab.errors import LabError
from models.lab.measured import Measured
from models.lab.results import RESULTS
from models.registry import ARTEFACTS

if TYPE_CHECKING:
    from models.lab.scored import Scored

# torch and onnx are imported where a command needs them: `affectd-lab corpora` does without

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. An error is one line on stderr; the exit code is 0 or 2."""
    options = _parser().parse_args(arguments)
    try:
        exit_code: int = options.command(options)
        return exit_code
    except LabError as trouble:
        print(f"affectd-lab: {trouble}", file=sys.stderr)
    except ModuleNotFoundError as trouble:
        name = {"sklearn": "scikit-learn"}.get(str(trouble.name), trouble.name)
        if name not in (
            "torch",
            "onnx",
            "matplotlib",
            "librosa",
            "scikit-learn",
            "dask",
            "distributed",
            "pyarrow",
            "cryptography",
        ):
            raise
        print(f"affectd-lab: {name} is not installed: pip install 'affectd[lab]'", file=sys.stderr)
    except BrokenProcessPool:
        print(
            "affectd-lab: a worker was killed, out of memory perhaps: the same command goes on; try --workers 1",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print("affectd-lab: stopped; the same command goes on from the last checkpoint", file=sys.stderr)
    return USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="affectd-lab", description="Train and evaluate the models of affectd.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("corpora", help="which corpora are at hand, and whether they are whole")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    listing.set_defaults(command=_corpora)

    train = _with_recipe(commands.add_parser("train", help="train a recipe on its whole corpus, for export"))
    train.add_argument("--seed", type=_not_negative, default=0, metavar="N")
    train.set_defaults(command=_train)

    evaluate = _with_recipe(commands.add_parser("evaluate", help="train and test a recipe under a protocol"))
    evaluate.add_argument("--protocol", required=True, help=", ".join(splits.PROTOCOLS))
    evaluate.add_argument("--seeds", type=_positive, default=1, metavar="N", help="seeds 0 to N - 1 (default 1)")
    evaluate.add_argument("--workers", type=_positive, default=1, metavar="N", help="processes side by side (default 1)")
    score.add_scheduler(evaluate)
    _with_results(evaluate)
    evaluate.set_defaults(command=_evaluate)

    export = _with_recipe(commands.add_parser("export", help="write the model file of a finished training, and its card"))
    export.add_argument("--seed", type=_not_negative, default=0, metavar="N", help="the seed of the training (default 0)")
    export.add_argument("--out", type=Path, metavar="FILE", help="default: the file that ships with affectd")
    export.add_argument(
        "--precision",
        choices=("fp32", "fp16", "int8"),
        default="fp32",
        help="of AffectNet, and int8 of CL; both want --out (default fp32)",
    )
    _with_results(export)
    export.set_defaults(command=_export)

    cross = _with_recipe(commands.add_parser("cross", help="judge a finished training on corpora that it never heard"))
    cross.add_argument("corpus", nargs="+", help=", ".join([*CORPORA, *VIEWS]))
    cross.add_argument("--seed", type=_not_negative, default=0, metavar="N", help="the seed of the training (default 0)")
    cross.set_defaults(command=_cross)

    scoring = commands.add_parser("score", help=score.SUMMARY)
    score.add_arguments(scoring)
    scoring.set_defaults(command=score.run)

    share = _with_recipe(
        commands.add_parser("share", help="weigh AffectNet's branches otherwise, on corpora that it never heard")
    )
    share.add_argument("corpus", nargs="+", help=", ".join([*CORPORA, *VIEWS]))
    share.set_defaults(command=_share)

    report = commands.add_parser("report", help="write RESULTS.md and its pictures from the results at hand")
    report.add_argument("--out", type=Path, default=RESULTS.parent, metavar="DIR", help="default: beside the recipes")
    report.add_argument("--corpora", action="store_true", help="draw the pictures of recordings, too")
    _with_results(report)
    report.set_defaults(command=_report)
    return parser


def _with_recipe(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("recipe", help=", ".join(recipe.names()))
    return parser


def _with_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIR", help="of the runs (default: beside the recipes)"
    )


def _not_negative(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: want a whole number, 0 or more")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}: want a whole number above zero")
    return int(text)


def _corpora(options: argparse.Namespace) -> int:
    rows = [_corpus_row(corpus) for corpus in CORPORA.values()]
    if options.json:
        for row in rows:
            print(json.dumps(row))
    else:
        _print_table([list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)])
    return 0


def _corpus_row(corpus: Corpus) -> dict[str, Any]:
    folder = corpora.corpora_root() / corpus.folder
    try:
        utterances, complaints = corpora.examine(corpus, corpora.corpora_root())
        found: str | None = str(folder)
    except corpora.NotAtHand:
        found, complaints = None, [f"corpus not at hand: no folder {folder}"]
    return {
        "corpus": corpus.name,
        "found": found,
        "files": len(utterances) if found else 0,
        "speakers": len({utterance.speaker for utterance in utterances}) if found else 0,
        "complaints": complaints,
        "licence": corpus.licence,
    }


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(value) or "none"
    return "-" if value is None else str(value)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _network_of(name: str) -> recipe.Recipe:
    chosen = recipe.load(name)
    if chosen.is_classical:
        raise LabError(f"recipe {name}: {chosen.network} is a yardstick without a model file: it can only be evaluated")
    return chosen


def _train(options: argparse.Namespace) -> int:
    chosen = _network_of(options.recipe)
    from models.lab.evaluate import CHECKPOINTS, worker_pool
    from models.lab.train import train

    with worker_pool(1) as pool:
        print(pool.submit(train, chosen, options.seed, CHECKPOINTS).result())
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    chosen = recipe.load(options.recipe)
    from models.lab.evaluate import evaluate
    from models.lab.scored import Scored

    seeds, results = range(options.seeds), options.results
    found = evaluate(chosen, options.protocol, seeds, options.workers, results, scheduler=options.scheduler)
    scored = Scored(options.protocol, found)
    print(json.dumps({"recipe": chosen.name, "protocol": options.protocol, "seeds": options.seeds, **scored.scores()}))
    return 0


def _export(options: argparse.Namespace) -> int:
    chosen = _network_of(options.recipe)
    if options.precision != "fp32" and (options.out is None or ARTEFACTS.resolve() in options.out.resolve().parents):
        raise LabError(f"--precision {options.precision}: what ships is fp32; use --out with a path outside {ARTEFACTS}")
    from models.lab.evaluate import CHECKPOINTS
    from models.lab.export import export

    exported = export(chosen, options.seed, _at_hand(chosen, options.results), CHECKPOINTS, options.out)
    print(
        f"{exported.path}: sha256 {exported.sha256}; over {exported.n_checked} answers on real recordings "
        f"at most {exported.largest_difference:.1e} from torch"
    )
    if options.precision != "fp32":
        from models.lab.precisions import rewrite

        rewrite(exported.path, options.precision, chosen)
        print(f"{exported.path}: now {options.precision}, {exported.path.stat().st_size / 1000:.0f} kB")
    return 0


def _cross(options: argparse.Namespace) -> int:
    chosen, targets = _network_of(options.recipe), _named(options.corpus)
    from models.lab.cross_corpus import crossed, for_the_card
    from models.lab.evaluate import CHECKPOINTS

    return _shown(for_the_card(chosen, options.seed, crossed(chosen, options.seed, targets, CHECKPOINTS)))


def _share(options: argparse.Namespace) -> int:
    chosen, targets = _network_of(options.recipe), _named(options.corpus)
    from models.lab.affectnet.sweep import sweep

    return _shown(sweep(chosen, targets))


def _named(names: Sequence[str]) -> list[Corpus | View]:
    found = []
    for name in names:
        target = corpora.by_name(name)
        if target is None:
            raise LabError(f"no corpus {name!r}: known are {', '.join([*CORPORA, *VIEWS])}")
        found.append(target)
    return found


def _shown(found: Measured) -> int:
    """On stdout, and kept for the cards."""
    _print_table([found.head, *found.rows])
    print(found.write())
    return 0


def _report(options: argparse.Namespace) -> int:
    from models.lab.at_hand import at_hand
    from models.lab.publish import publish, publish_cards, publish_recordings

    found = at_hand(options.results)
    lacking = publish_recordings(corpora.corpora_root(), options.out) if options.corpora else []
    for line in lacking:
        print(f"affectd-lab: {line}", file=sys.stderr)
    print(publish(found, options.out))
    if options.out == RESULTS.parent:
        for path in publish_cards(found):
            print(path)
    return USAGE_ERROR if lacking else 0


def _at_hand(chosen: recipe.Recipe, results: Path) -> list[Scored]:
    """The protocols of which every run of at least one seed is there; what is not there is said on stderr."""
    from models.lab.scored import scored_at_hand

    utterances = corpora.whole(chosen.corpus, corpora.corpora_root())
    found = [scored_at_hand(chosen, protocol, utterances, results) for protocol in (splits.SPEAKER_INDEPENDENT, splits.PAPER)]
    for each in found:
        if not each.results:
            print(f"affectd-lab: {chosen.name} has no whole result of the protocol {each.protocol} yet", file=sys.stderr)
    return [each for each in found if each.results]


if __name__ == "__main__":
    sys.exit(main())
