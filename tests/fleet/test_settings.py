"""The brokers' settings agree with each other and with what the service says."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

from daemon.listen.reader import numbered_topics
from tests.fleet.archives import ROOT

FLEET = ROOT / "deploy" / "fleet"


def test_the_queue_gets_all_that_the_collector_would_subscribe_to() -> None:
    definitions = json.loads((FLEET / "rabbitmq" / "definitions.json").read_text())
    keys = {binding["routing_key"] for binding in definitions["bindings"]}
    assert keys == {topic.replace("/", ".").replace("+", "*") for topic in numbered_topics()}
    (queue,) = definitions["queues"]
    assert queue["arguments"]["x-queue-type"] == "quorum"
    # the default would drop the oldest and tell nobody
    assert queue["arguments"]["x-overflow"] == "reject-publish"


def test_mosquitto_and_emqx_let_the_collector_read_the_same() -> None:
    for rules, pattern in (
        (FLEET / "mosquitto" / "acl", r"^topic read (\S+)"),
        (FLEET / "emqx" / "acl.conf", r'"(affectd/\+[^"]+)"'),
    ):
        assert set(re.findall(pattern, rules.read_text(), re.MULTILINE)) == set(numbered_topics())


def test_what_is_not_run_here_says_so() -> None:
    ElementTree.parse(FLEET / "hivemq" / "config.xml")
    for path in (FLEET / "hivemq" / "config.xml", FLEET / "emqx" / "emqx.conf"):
        assert "Described, not run here" in path.read_text()
