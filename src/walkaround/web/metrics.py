"""Metrics for Prometheus: those of Lookout for Vision in CloudWatch under the same meanings, and the durations of requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from walkaround.hosting.pool.counters import TIME_BOUNDS, Counters, Units
from walkaround.hosting.pool.pool import ModelKey, Pool

_OF_A_MODEL = ("account", "region", "project", "model_version")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
COUNTS: tuple[tuple[str, str, str], ...] = (
    ("detected_anomaly_count", "detected_anomalies", "Pictures in which an anomaly was found (DetectedAnomalyCount)."),
    ("processed_image_count", "processed_images", "Pictures that were inspected (ProcessedImageCount)."),
    ("invalid_image_count", "invalid_images", "Pictures that could not be used (InvalidImageCount)."),
    ("successful_request_count", "successful_requests", "Detections that were answered (SuccessfulRequestCount)."),
    ("error_count", "errors", "Detections that were not answered, throttled ones included (ErrorCount)."),
    ("throttled_count", "throttled", "Detections refused because there were too many (ThrottledCount)."),
)
"""Name after `walkaround_`, attribute of Counters, and meaning."""
GAUGES: tuple[tuple[str, str, str], ...] = (
    ("min_inference_units", "least", "Least inference units of a hosted model (MinInferenceUnits)."),
    ("max_inference_units", "most", "Most inference units of a hosted model (MaxInferenceUnits)."),
    ("desired_inference_units", "desired", "Inference units that the load asks for (DesiredInferenceUnits)."),
    ("in_service_inference_units", "in_service", "Inference units that answer (InServiceInferenceUnits)."),
)
"""Name after `walkaround_`, attribute of Units, and meaning."""


class Metrics:
    """The metrics of one server."""

    def __init__(self, pool: Pool) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_OfModels(pool))
        self._durations = Histogram(
            "walkaround_request_duration_seconds",
            "Time from a request's head to the end of its reply.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def answered(self, method: str, route: str, *, status: int, seconds: float) -> None:
        """Count a request that has been answered."""
        self._durations.labels(method, route, str(status)).observe(seconds)

    def add(self, collector: Collector) -> None:
        """Show what another collector counts, too."""
        self._registry.register(collector)

    def page(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _OfModels(Collector):
    """What the pool counts, at the moment when somebody asks."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        counters = dict(self._pool.counters())
        for name, attribute, meaning in COUNTS:
            family = CounterMetricFamily(f"walkaround_{name}", meaning, labels=_OF_A_MODEL)
            for key, one in counters.items():
                family.add_metric(_labels(key), getattr(one, attribute))
            yield family
        yield _times(counters)
        for name, attribute, meaning in GAUGES:
            gauge = GaugeMetricFamily(f"walkaround_{name}", meaning, labels=_OF_A_MODEL)
            for key, units in self._units().items():
                gauge.add_metric(_labels(key), getattr(units, attribute))
            yield gauge

    def _units(self) -> Mapping[ModelKey, Units]:
        return self._pool.units()


def _times(counters: Mapping[ModelKey, Counters]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        "walkaround_time_milliseconds", "Time that an answered detection took (Time).", labels=_OF_A_MODEL
    )
    for key, one in counters.items():
        bounds = [*(str(bound) for bound in TIME_BOUNDS), "+Inf"]
        totals = [sum(one.time_bins[: place + 1]) for place in range(len(bounds))]
        family.add_metric(_labels(key), buckets=list(zip(bounds, totals, strict=True)), sum_value=one.time)
    return family


def _labels(key: ModelKey) -> tuple[str, ...]:
    account, region, project, version = key
    return account, region, project, str(version or "")
