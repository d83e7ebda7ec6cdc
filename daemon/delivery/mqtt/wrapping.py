"""How a letter is wrapped for its way: its whole topic, and what MQTT 5 can say beside the JSON."""

from __future__ import annotations

import json
import math

from daemon.delivery import cloudevents
from daemon.delivery.mqtt.connection import Publication
from daemon.delivery.outbox.letter import Letter

PREFIX = "affectd"
CONTENT_TYPE = "application/json"


def wrapped(letter: Letter, node: str, lain_s: float, may_retain: bool, enveloped: bool) -> Publication:
    """`lain_s`: since it was taken out of the outbox. `may_retain`: the broker takes retained messages.

    What it has waited is taken off its expiry: a mood that is told late dies all the sooner. One that is too old already
    is still told to whoever is connected now. Raises ValueError for a letter that is no JSON object.
    """
    body = json.loads(letter.payload)
    if not isinstance(body, dict):
        raise ValueError("it is no JSON object")
    about = [("boot", letter.boot), ("seq", str(letter.seq)), ("schema", str(body.get("schema", "")))]
    expiry_s = None if letter.expiry_s is None else max(1, math.ceil(letter.expiry_s - letter.age_s - lain_s))
    payload, content_type = letter.payload, CONTENT_TYPE
    if enveloped:
        payload, content_type = cloudevents.structured(payload), cloudevents.CONTENT_TYPE
    retain = letter.retain and may_retain
    return Publication(f"{PREFIX}/{node}/{letter.topic}", payload, 1, retain, content_type, about, expiry_s)
