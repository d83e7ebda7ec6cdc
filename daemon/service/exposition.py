"""The figures as Prometheus reads them: made when they are asked for, from what the service counts anyway."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any, Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.service.histogram import Histogram
from daemon.service.metrics import Metrics

DEVICE_STATES = ("healthy", "silent", "stalled", "lost", "recovering", "failed")
SAMPLES = "_samples"
"""So end the names of counts that are of samples."""


class Exposition(Collector):
    """What one service has to tell. Any thread may collect, several at a time."""

    def __init__(
        self, health: Callable[[], Mapping[str, Any]], metrics: Metrics, model: Mapping[str, str], sample_rate_hz: int
    ) -> None:
        """`health`: what /health says now. `model`: its identity, as messages have it."""
        self._health = health
        self._metrics = metrics
        self._model = model
        self._rate_hz = sample_rate_hz

    def collect(self) -> Iterator[Metric]:
        """Every family, in the order of the page."""
        health = self._health()
        yield from _identity(health, self._model)
        yield from _work(health["counters"])
        yield from _latencies(self._metrics)
        yield from _sources(health["sources"], self._rate_hz)
        yield from _outbox(health["outbox"])
        yield from _connection(health["delivery"], health["commands"])


def _identity(health: Mapping[str, Any], model: Mapping[str, str]) -> Iterator[Metric]:
    build = {"version": _version("affectd"), "python": platform.python_version(), "onnxruntime": _version("onnxruntime")}
    yield InfoMetricFamily("affectd_build", "What runs.", build)
    yield InfoMetricFamily(
        "affectd_node", "Where it runs; boot: a name for this run.", {k: health[k] for k in ("node", "boot")}
    )
    yield InfoMetricFamily("affectd_model", "What judges the speech.", dict(model))
    if "inference" in health:
        yield InfoMetricFamily("affectd_inference", "What it runs on.", {"provider": health["inference"]["provider"]})


def _work(counters: Mapping[str, Any]) -> Iterator[Metric]:
    yield _counter("blocks", "Blocks taken from the sources.", counters["blocks"])
    yield _counter("windows", "Windows judged by the model.", counters["windows"])
    yield _counter("events", "Messages committed, by kind.", counters["messages"], "kind")


def _latencies(metrics: Metrics) -> Iterator[Metric]:
    stages = HistogramMetricFamily(
        "affectd_utterance_latency_seconds", "From an utterance's last voiced sample on, by stage.", labels=("stage",)
    )
    for stage, times_s in metrics.stages_s.items():
        stages.add_metric((stage,), _buckets(times_s), times_s.sum_s)
    yield stages
    for name, told, times_s in (
        ("inference", "One call of the model.", metrics.inference_s),
        ("delivery", "From a message's commit to the broker's acknowledgement.", metrics.delivery_s),
    ):
        yield HistogramMetricFamily(f"affectd_{name}_seconds", told, _buckets(times_s), times_s.sum_s)


def _buckets(times_s: Histogram) -> list[tuple[str, float]]:
    return [("+Inf" if bound == float("inf") else repr(bound), count) for bound, count in times_s.cumulative()]


def _sources(sources: Mapping[str, Mapping[str, Any]], rate_hz: int) -> Iterator[Metric]:
    def of_each(key: str, divisor: int = 1) -> dict[str, float]:
        return {name: one[key] / divisor for name, one in sources.items()}

    yield _counter("audio_heard_seconds", "Sound since the source began.", of_each("heard_s"), "source")
    lost_s = of_each("lost_samples", rate_hz)
    yield _counter("audio_lost_seconds", "Sound that never reached the loop.", lost_s, "source")
    yield _counter("utterances", "Stretches of speech judged.", of_each("utterances"), "source")
    known = of_each("known_utterances")
    yield _gauge("known_utterances", "Stretches of speech from which the seat knows its speaker.", known, "source")
    yield _gauge("source_listening", "0 while it is switched off.", of_each("listening"), "source")
    # a recording has no device
    yield from _devices({name: one["device"] for name, one in sources.items() if one.get("device")}, rate_hz)


def _devices(devices: Mapping[str, Mapping[str, Any]], rate_hz: int) -> Iterator[Metric]:
    states = GaugeMetricFamily("affectd_device_state", "1 for the state that the microphone is in.", labels=("source", "state"))
    events = CounterMetricFamily(
        "affectd_device_events", "What happened to the microphone, how often.", labels=("source", "event")
    )
    dropped = CounterMetricFamily(
        "affectd_device_dropped_seconds", "Sound that came and was dropped, by reason.", labels=("source", "reason")
    )
    for source, device in devices.items():
        for state in dict.fromkeys((*DEVICE_STATES, device["state"])):
            states.add_metric((source, state), state == device["state"])
        for name, count in device.get("counts", {}).items():
            if name.endswith(SAMPLES):
                dropped.add_metric((source, name[: -len(SAMPLES)]), count / rate_hz)
            else:
                events.add_metric((source, name), count)
    yield from (states, events, dropped)


def _outbox(outbox: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("outbox_messages", "Messages that wait for the broker.", outbox["waiting"])
    yield _gauge("outbox_bytes", "What they take.", outbox["bytes"])
    yield _gauge("outbox_oldest_seconds", "How long the oldest has waited.", outbox["oldest_s"])
    yield _gauge("outbox_durable", "0 while what waits would not outlive a power cut.", outbox["storage"] == "disk")
    lost = {reason: outbox[reason] for reason in ("dropped", "put_aside", "damaged")}
    yield _counter("outbox_lost", "Messages that the broker will not get, by reason.", lost, "reason")


def _connection(delivery: Mapping[str, Any], commands: Mapping[str, float]) -> Iterator[Metric]:
    yield _gauge("broker_connected", "1 while the broker answers.", delivery["connected"])
    yield _counter("broker_connections", "Connections since the start.", delivery["connections"])
    yield _counter("broker_refusals", "Times that the broker would not have a message.", delivery["refused"])
    yield _counter("commands", "What was asked by messages, by outcome.", commands, "outcome")


def _counter(name: str, told: str, value: float | Mapping[str, float], label: str = "") -> Metric:
    """`value`: one, or one for each value of the label."""
    return _filled(CounterMetricFamily(f"affectd_{name}", told, labels=(label,) if label else ()), value)


def _gauge(name: str, told: str, value: float | Mapping[str, float], label: str = "") -> Metric:
    return _filled(GaugeMetricFamily(f"affectd_{name}", told, labels=(label,) if label else ()), value)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, value: float | Mapping[str, float]) -> Metric:
    if isinstance(value, Mapping):
        for label, one in value.items():
            family.add_metric((label,), float(one))
    else:
        family.add_metric((), float(value))
    return family


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"
