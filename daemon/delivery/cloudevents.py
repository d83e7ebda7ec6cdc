"""The form of CloudEvents 1.0 for events: structured mode, JSON. The message is in `data`, its bytes as they were.

After https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

import json

CONTENT_TYPE = "application/cloudevents+json"


def structured(payload: bytes) -> bytes:
    """The message of an outbox as a CloudEvent; `source` and `id` together name it for ever."""
    body = json.loads(payload)
    kind, version = body["schema"].split("/")[1:]
    places = [body["node"], body["source"]] if "source" in body else [body["node"]]
    head = {
        "specversion": "1.0",
        "id": f"{body['node']}/{body['boot']}/{body['seq']}",
        "source": "/".join(["affectd", *places]),
        "type": f"affectd.{kind}.v{version}",
        "time": body["at"],
        "datacontenttype": "application/json",
    }
    return json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()[:-1] + b',"data":' + payload + b"}"
