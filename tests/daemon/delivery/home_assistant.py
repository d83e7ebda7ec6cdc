"""Home Assistant's rules for a device that is discovered over MQTT, written down from its documentation as a JSON Schema.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload and the pages of the platforms sensor.mqtt,
binary_sensor.mqtt, switch.mqtt and event.mqtt. Keys that are not named there are not allowed: it passes misspelt ones over.
"""

from __future__ import annotations

from typing import Any

Schema = Any

TEXT = {"type": "string", "minLength": 1}
TEMPLATE = {"type": "string", "pattern": r"^\{\{ .+ \}\}$"}
SUBSCRIBED = {"type": "string", "pattern": "^[^+#]+$"}
FLAG = {"type": "boolean"}
SECONDS = {"type": "integer", "minimum": 1}

EVERY: dict[str, Schema] = {
    "platform": {"enum": ["sensor", "binary_sensor", "switch", "event"]},
    "unique_id": TEXT,
    "name": TEXT,
    "icon": {"type": "string", "pattern": "^mdi:[a-z-]+$"},
    "entity_category": {"enum": ["diagnostic", "config"]},
    "enabled_by_default": FLAG,
    "json_attributes_topic": SUBSCRIBED,
    "json_attributes_template": TEMPLATE,
    "state_topic": SUBSCRIBED,
    "value_template": TEMPLATE,
    "qos": {"enum": [0, 1, 2]},
}

PLATFORMS: dict[str, dict[str, Schema]] = {
    "sensor": {
        "device_class": {"enum": ["enum", "duration", "sound_pressure", "timestamp"]},
        "options": {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True},
        "state_class": {"enum": ["measurement", "total", "total_increasing"]},
        "unit_of_measurement": TEXT,
        "expire_after": SECONDS,
        "suggested_display_precision": {"type": "integer", "minimum": 0},
    },
    "binary_sensor": {
        "device_class": {"enum": ["sound", "problem", "connectivity", "running"]},
        "payload_on": TEXT,
        "payload_off": TEXT,
        "expire_after": SECONDS,
    },
    "switch": {
        "command_topic": SUBSCRIBED,
        "payload_on": TEXT,
        "payload_off": TEXT,
        "state_on": TEXT,
        "state_off": TEXT,
        "optimistic": FLAG,
        "retain": FLAG,
    },
    "event": {
        "device_class": {"enum": ["button", "doorbell", "motion"]},
        "event_types": {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True},
    },
}

REQUIRED = {"sensor": ["state_topic"], "binary_sensor": ["state_topic"], "switch": ["command_topic"], "event": ["event_types"]}


def _component(platform: str) -> Schema:
    return {
        "type": "object",
        "required": ["platform", "unique_id", "name", *REQUIRED[platform]],
        "properties": {**EVERY, **PLATFORMS[platform], "platform": {"const": platform}},
        "additionalProperties": False,
        # a list of options makes an enum, which has no unit and is nothing to add up
        "dependentRequired": {"options": ["device_class"]} if platform == "sensor" else {},
    }


DEVICE: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["device", "origin", "components"],
    "properties": {
        "device": {
            "type": "object",
            "required": ["identifiers", "name"],
            "properties": {
                "identifiers": {"type": "array", "items": TEXT, "minItems": 1},
                **dict.fromkeys(
                    ("name", "manufacturer", "model", "model_id", "sw_version", "hw_version", "serial_number"), TEXT
                ),
            },
            "additionalProperties": False,
        },
        "origin": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": TEXT, "sw_version": TEXT, "support_url": TEXT},
            "additionalProperties": False,
        },
        "availability": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["topic"],
                "properties": {
                    "topic": SUBSCRIBED,
                    "value_template": TEMPLATE,
                    "payload_available": TEXT,
                    "payload_not_available": TEXT,
                },
                "additionalProperties": False,
            },
        },
        "qos": {"enum": [0, 1, 2]},
        "components": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": list(map(_component, PLATFORMS))},
        },
    },
    "additionalProperties": False,
}
