"""The overlay for COVESA's catalogue and the EmotionML vocabulary say the same labels as the contract."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from daemon import messages
from models.contract import LABELS, UNCERTAIN
from tests.daemon.contract import schema

DEPLOY = Path(__file__).parents[2] / "deploy"
AFFECT = "Vehicle.Cabin.Seat.Occupant.Affect"
EMOTIONML = "{http://www.w3.org/2009/10/emotionml}"


@pytest.fixture(scope="module")
def overlay() -> dict[str, dict[str, Any]]:
    nodes: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "vss" / "affectd.vspec").read_text())
    return nodes


def test_each_node_of_the_overlay_is_whole_and_hangs_on_another(overlay: dict[str, dict[str, Any]]) -> None:
    for name, node in overlay.items():
        assert node["description"].endswith("."), name
        parent = name.rpartition(".")[0]
        assert parent == "Vehicle.Cabin.Seat" or overlay[parent]["type"] == "branch"
        if node["type"] == "branch":
            assert set(node) <= {"type", "description", "comment"}
        else:
            assert node["type"] in {"sensor", "actuator"}
            assert node["datatype"] in {"string", "float", "boolean"}
            assert set(node) <= {"type", "datatype", "description", "comment", "allowed", "unit", "min", "max"}
            # as the catalogue's own style check wants it
            assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", name.rpartition(".")[2])
            assert (node["datatype"] == "boolean") == name.rpartition(".")[2].startswith("Is")


def test_its_moods_are_the_labels_of_a_state(overlay: dict[str, dict[str, Any]]) -> None:
    allowed = overlay[f"{AFFECT}.Mood"]["allowed"]
    assert allowed == [label.upper() for label in (*LABELS, UNCERTAIN)]
    assert sorted(allowed) == sorted(label.upper() for label in schema("state")["properties"]["label"]["enum"])


def test_its_level_has_the_range_of_a_state(overlay: dict[str, dict[str, Any]]) -> None:
    level, of_state = overlay[f"{AFFECT}.SoundLevel"], schema("state")["properties"]["level_dbfs"]
    assert (level["min"], level["max"], level["unit"]) == (of_state["minimum"], of_state["maximum"], "dB")


def test_its_page_maps_every_signal_to_a_field_that_there_is(overlay: dict[str, dict[str, Any]]) -> None:
    page = (DEPLOY / "vss" / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+)`[^|]*\| `(state|set)` \| ([^|]*)\|$", page, re.MULTILINE)
    leaves = {name.rpartition(".")[2] for name, node in overlay.items() if node["type"] != "branch"}
    assert {signal for signal, _, _ in rows} == leaves
    for _, kind, field in rows:
        if kind == "state":
            assert set(re.findall(r"`(\w+)`", field)) <= set(schema("state")["properties"])
            assert re.search(r"`\w+`", field)


def test_our_vocabulary_has_the_labels_of_the_contract() -> None:
    root = ElementTree.parse(DEPLOY / "emotionml" / "emotions.xml").getroot()
    (vocabulary,) = root.iter(f"{EMOTIONML}vocabulary")
    assert vocabulary.get("type") == "category"
    assert messages.OWN_URI.partition("#")[2] == vocabulary.get("id")
    assert tuple(item.get("name") for item in vocabulary.iter(f"{EMOTIONML}item")) == LABELS


@pytest.mark.parametrize(
    ("labels", "uri"),
    [
        (("anger", "disgust", "fear", "happiness", "sadness", "surprise"), messages.BIG_SIX_URI),
        (("anger", "sadness"), messages.BIG_SIX_URI),
        (("anger", "neutral"), messages.OWN_URI),
        (LABELS, messages.OWN_URI),
    ],
)
def test_a_model_names_w3cs_vocabulary_where_that_has_all_its_labels(labels: tuple[str, ...], uri: str) -> None:
    assert messages.vocabulary(labels) == uri
    assert set(labels) <= set(LABELS)
