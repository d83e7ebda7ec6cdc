"""Home Assistant finds the device by itself: one retained message that describes all its entities.

After https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload, no key abbreviated.
"""

from __future__ import annotations

import json
import logging
import threading
from importlib import metadata
from typing import Any, Callable, Dict, Protocol, Sequence

from daemon.settings import Settings
from models.contract import UNCERTAIN

logger = logging.getLogger(__name__)

Entity = Dict[str, Any]

HEALTH_EXPIRES_S = 60
"""/health comes every ten seconds, and is not retained: after so long without, what it said is not known any more."""
PHASES = ["new", "update", "end"]


class Delivery(Protocol):
    """What is asked of the delivery."""

    def on_connected(self, callback: Callable[[], None]) -> None:
        """Called after each accepted connection."""

    def subscribe(self, topic: str, callback: Callable[[str, bytes, bool], None]) -> None:
        """Called with each message on the topic, and whether the broker had kept it."""

    def publish_now(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        """Dropped while there is no connection."""


class Discovery:
    """Tells Home Assistant of the device after each connection and whenever it comes back; or, when it is switched off, once
    that there is none: an empty retained message, by which the device is forgotten."""

    def __init__(self, settings: Settings, labels: Sequence[str], delivery: Delivery) -> None:
        """`labels`: of the model."""
        self._topic, about = message(settings, labels)
        self._payload = about if settings.discovery.enabled else b""
        self._delivery = delivery
        self._forgotten = threading.Event()
        delivery.on_connected(self._connected)
        if settings.discovery.enabled:
            delivery.subscribe(settings.discovery.status_topic, self._status)

    def _connected(self) -> None:
        if self._payload or not self._forgotten.is_set():
            self._forgotten.set()
            self._publish()

    def _status(self, _topic: str, payload: bytes, _retained: bool) -> None:
        if payload == b"online":
            self._publish()

    def _publish(self) -> None:
        self._delivery.publish_now(self._topic, self._payload, qos=1, retain=True)


def message(settings: Settings, labels: Sequence[str]) -> tuple[str, bytes]:
    """Topic and payload, the same bytes for the same settings. `labels`: of the model."""
    sources = [one.name for one in settings.source]
    about = description(settings.node.name, sources, labels, settings.broker.cloudevents)
    payload = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()
    return topic(settings), payload


def topic(settings: Settings) -> str:
    """Where Home Assistant looks for the device."""
    return f"{settings.discovery.prefix}/device/affectd-{settings.node.name}/config"


def description(node: str, sources: Sequence[str], labels: Sequence[str], cloudevents: bool = False) -> dict[str, Any]:
    """The device with its entities. `labels`: of the model. `cloudevents`: events come in that form, bodies in their `data`."""
    components = _of_node(node)
    for source in sources:
        for name, entity in _of_source(node, source, labels, "value_json.data" if cloudevents else "value_json").items():
            components[f"{source}.{name}"] = {"name": f"{source} {name.replace('_', ' ')}", **entity}
    for name, entity in components.items():
        # no name of a node or a source has a dot
        entity["unique_id"] = f"affectd.{node}.{name}"
        # said for all of the device, Home Assistant would subscribe with 0
        entity["qos"] = 1
    version = _version()
    return {
        "device": {
            "identifiers": [f"affectd-{node}"],
            "name": f"affectd {node}",
            "manufacturer": "affectd",
            "model": "Mood of the occupants",
            "sw_version": version,
        },
        "origin": {"name": "affectd", "sw_version": version},
        "availability": [
            {
                "topic": f"affectd/{node}/availability",
                # `stopped` is not available either, and Home Assistant would pass over a third word
                "value_template": "{{ 'online' if value_json.status == 'online' else 'offline' }}",
                "payload_available": "online",
                "payload_not_available": "offline",
            }
        ],
        "components": components,
    }


def _of_source(node: str, source: str, labels: Sequence[str], body: str) -> dict[str, Entity]:
    base = f"affectd/{node}/{source}"
    state = {"state_topic": f"{base}/state"}
    likeliest = f"({body}.probabilities.values() | max * 100) | round(1)"
    of_source = f"(value_json.sources['{source}'] | default({{}}))"
    return {
        "mood": {
            "platform": "sensor",
            **state,
            "device_class": "enum",
            "options": [*labels, UNCERTAIN],
            "value_template": f"{{{{ {body}.label }}}}",
            "json_attributes_topic": f"{base}/state",
            "json_attributes_template": f"{{{{ {body}.probabilities | to_json }}}}",
            "icon": "mdi:emoticon-outline",
        },
        "confidence": {
            "platform": "sensor",
            **state,
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "value_template": f"{{{{ {likeliest} if {body}.probabilities else none }}}}",
            "icon": "mdi:percent-outline",
        },
        "level": {
            "platform": "sensor",
            **state,
            "unit_of_measurement": "dBFS",
            "state_class": "measurement",
            "value_template": f"{{{{ {body}.level_dbfs }}}}",
            "icon": "mdi:microphone",
        },
        "speaking": {
            "platform": "binary_sensor",
            **state,
            "device_class": "sound",
            "value_template": f"{{{{ 'ON' if {body}.speaking else 'OFF' }}}}",
        },
        "episode": {
            "platform": "event",
            "state_topic": f"{base}/episode",
            "event_types": PHASES,
            "value_template": _event(body),
            "icon": "mdi:emoticon-outline",
        },
        "listening": {
            "platform": "switch",
            **state,
            "command_topic": f"{base}/set",
            "payload_on": '{"listening": true}',
            "payload_off": '{"listening": false}',
            "state_on": "ON",
            "state_off": "OFF",
            "optimistic": False,
            "retain": False,
            "value_template": f"{{{{ 'ON' if {body}.listening | default(true) else 'OFF' }}}}",
            "icon": "mdi:microphone",
        },
        "known_utterances": _diagnostic(node, f"{of_source}.known_utterances", "measurement"),
        "lost_samples": _diagnostic(node, f"{of_source}.lost_samples", "total_increasing"),
    }


def _event(body: str) -> str:
    """A phase as the type of an event, and what belongs to it as its attributes."""
    kept = ", ".join(f"'{name}': {body}.{name}" for name in ("id", "label", "duration_s", "probabilities", "at"))
    return f"{{{{ {{'event_type': {body}.phase, {kept}}} | to_json }}}}"


def _of_node(node: str) -> dict[str, Entity]:
    trouble = " or ".join(
        f"value_json.outbox.{name} | default({usual}) != {usual}"
        for name, usual in (("trouble", "none"), ("dropped", "0"), ("put_aside", "0"))
    )
    return {
        "problem": {
            "platform": "binary_sensor",
            "name": "problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": f"affectd/{node}/health",
            "value_template": f"{{{{ 'ON' if {trouble} else 'OFF' }}}}",
            "json_attributes_topic": f"affectd/{node}/health",
            "json_attributes_template": "{{ value_json.outbox | to_json }}",
            "expire_after": HEALTH_EXPIRES_S,
        },
        "waiting": {"name": "outbox waiting", **_diagnostic(node, "value_json.outbox.waiting", "measurement")},
        "latency": {
            "name": "latency of an utterance, p99",
            **_diagnostic(node, "value_json.latency_ms.utterance.p99", "measurement"),
            "unit_of_measurement": "ms",
        },
        "refused_commands": {
            "name": "refused commands",
            **_diagnostic(node, "value_json.commands.refused", "total_increasing"),
        },
    }


def _diagnostic(node: str, path: str, state_class: str) -> Entity:
    """A number of /health; `path`: the way to it."""
    return {
        "platform": "sensor",
        "entity_category": "diagnostic",
        "state_topic": f"affectd/{node}/health",
        "state_class": state_class,
        "value_template": f"{{{{ {path} | default(none) }}}}",
        "expire_after": HEALTH_EXPIRES_S,
    }


def _version() -> str:
    try:
        return metadata.version("affectd")
    except metadata.PackageNotFoundError:
        return "unknown"
