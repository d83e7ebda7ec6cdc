"""RESULTS.md and its pictures, put into a folder."""

from __future__ import annotations

import os
from pathlib import Path

from models.lab import report
from models.lab.corpora import EMODB, RAVDESS, Corpus, NotAtHand
from models.lab.pictures import draw_classes, draw_confusion, draw_curves
from models.lab.recordings import draw_augmentations, draw_spectrograms

SPECTROGRAMS: tuple[tuple[Corpus, str], ...] = ((EMODB, "spectrograms-emo-db.png"), (RAVDESS, "spectrograms-ravdess.png"))
"""RAVDESS's is for the one who draws it: its licence binds what is made of it, and RESULTS.md does not show it."""
AUGMENTATION = (EMODB, "augmentation-emo-db.png")


def publish(found: report.HowMany, out: Path) -> Path:
    """The pictures of the results, then the text, which tells what is there. Gives the text's path."""
    pictures = out / report.PICTURES
    draw_classes(pictures / report.CLASSES)
    for name, by_protocol in found.items():
        shown = [by_protocol[protocol] for protocol in report.SHOWN if protocol in by_protocol]
        if shown:
            draw_confusion(name, shown, pictures / report.confusion_picture(name))
        if report.has_curves(by_protocol):
            draw_curves(name, list(by_protocol.values()), pictures / report.curves_picture(name))
    path = out / report.FILE
    partial = path.with_suffix(".partial")
    partial.write_text(report.text(found, pictures), encoding="utf-8")
    os.replace(partial, path)
    return path


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
