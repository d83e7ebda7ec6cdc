"""RESULTS.md and its pictures, put into a folder, and the cards of the models that ship."""

from __future__ import annotations

import os
from pathlib import Path

from models.lab import recipe, report, shares
from models.lab.card import card
from models.lab.corpora import EMODB, RAVDESS, Corpus, NotAtHand
from models.lab.made import read, says_how_made
from models.lab.measured import MEASURED, measured
from models.lab.pictures import draw_classes, draw_confusion, draw_curves
from models.lab.recordings import draw_augmentations, draw_spectrograms
from models.lab.shares_picture import draw_shares
from models.lab.splits import PAPER, SPEAKER_INDEPENDENT
from models.registry import ARTEFACTS

SPECTROGRAMS: tuple[tuple[Corpus, str], ...] = ((EMODB, "spectrograms-emo-db.png"), (RAVDESS, "spectrograms-ravdess.png"))
"""RAVDESS's is for the one who draws it: its licence binds what is made of it, and RESULTS.md does not show it."""
ON_CARDS = (SPEAKER_INDEPENDENT, PAPER)
AUGMENTATION = (EMODB, "augmentation-emo-db.png")


def publish(found: report.HowMany, out: Path, measured_in: Path = MEASURED) -> Path:
    """The pictures of the results, then the text, which tells what is there. Gives the text's path."""
    pictures = out / report.PICTURES
    draw_classes(pictures / report.CLASSES)
    for name, by_protocol in found.items():
        shown = [by_protocol[protocol] for protocol in report.SHOWN if protocol in by_protocol]
        if shown:
            draw_confusion(name, shown, pictures / report.confusion_picture(name))
        if report.has_curves(by_protocol):
            draw_curves(name, list(by_protocol.values()), pictures / report.curves_picture(name))
    asked = shares.at_hand(measured_in)
    if asked:
        draw_shares(asked, pictures / report.SHARES_PICTURE)
    path = out / report.FILE
    partial = path.with_suffix(".partial")
    partial.write_text(report.text(found, pictures, asked), encoding="utf-8")
    os.replace(partial, path)
    return path


def publish_cards(found: report.HowMany, artefacts: Path = ARTEFACTS, measured_in: Path = MEASURED) -> list[Path]:
    """The cards of the model files, each from the file itself, the results and what benchmarks measured.

    A file that does not say how it was made keeps the card that it was exported with. Raises LabError.
    """
    written = []
    for path in sorted(artefacts.glob("*.onnx")):
        content = path.read_bytes()
        if not says_how_made(content):
            continue
        made_by = recipe.load(read(content, str(path))[1].recipe)
        scores = found.get(made_by.name, {})
        scored = [scores[each].whole for each in ON_CARDS if each in scores]
        text = card(made_by, content, [each for each in scored if each.results], measured(path.stem, measured_in))
        path.with_suffix(".md").write_text(text, encoding="utf-8")
        written.append(path.with_suffix(".md"))
    return written


def publish_recordings(root: Path, out: Path) -> list[str]:
    """The pictures of what the corpora sound like; gives a line for each corpus that is not under `root`."""
    pictures = out / report.PICTURES
    lacking = []
    for corpus, name in SPECTROGRAMS:
        try:
            draw_spectrograms(corpus, root, pictures / name)
            if corpus is AUGMENTATION[0]:
                draw_augmentations(corpus, root, pictures / AUGMENTATION[1])
        except NotAtHand as trouble:
            lacking.append(str(trouble))
    return lacking
