"""What is counted of a hosted model, under the names and meanings of the old service's CloudWatch metrics."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from walkaround.errors import ServiceError, ThrottledError, ValidationError

TIME_BOUNDS = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0)
"""Upper ends, in milliseconds, of the bins that `Counters.time_bins` counts in; the last bin has none."""


@dataclass(kw_only=True)
class Counters:
    """Totals since the process started, for one version of a model.

    Attributes:
        model_id: of the version, which no later one gets though its project be made anew under the same name; None: they
            are of requests for models that do not exist.
        processed_images: ProcessedImageCount, pictures that got a verdict.
        detected_anomalies: DetectedAnomalyCount, those whose verdict is "anomalous".
        invalid_images: InvalidImageCount, pictures that cannot be used.
        successful_requests: SuccessfulRequestCount.
        errors: ErrorCount, requests with any other answer, those turned away included.
        throttled: ThrottledCount, requests turned away because too many waited.
        time: Time, milliseconds that the answered requests took, waiting included.
        time_bins: how many of these took up to each of `TIME_BOUNDS`, and more than the last.
    """

    model_id: int | None = None
    processed_images: int = 0
    detected_anomalies: int = 0
    invalid_images: int = 0
    successful_requests: int = 0
    errors: int = 0
    throttled: int = 0
    time: float = 0.0
    time_bins: list[int] = field(default_factory=lambda: [0] * (len(TIME_BOUNDS) + 1))

    def answered(self, *, anomalous: bool, milliseconds: float) -> None:
        """Count a picture that got its verdict."""
        self.processed_images += 1
        self.detected_anomalies += anomalous
        self.successful_requests += 1
        self.time += milliseconds
        self.time_bins[bisect_left(TIME_BOUNDS, milliseconds)] += 1

    def refused(self) -> None:
        """Count a picture that cannot be used."""
        self.invalid_images += 1
        self.errors += 1

    def turned_away(self) -> None:
        """Count a request that found too many waiting."""
        self.throttled += 1
        self.errors += 1

    def failed(self) -> None:
        """Count a request that the server could not answer."""
        self.errors += 1

    def ended_with(self, problem: ServiceError) -> None:
        """Count a request that was refused before it came to the model."""
        if isinstance(problem, ThrottledError):
            self.turned_away()
        elif isinstance(problem, ValidationError):
            self.refused()
        else:
            self.failed()


@dataclass(frozen=True, kw_only=True)
class Units:
    """Inference units of a hosted model at the moment: MinInferenceUnits, MaxInferenceUnits, and so on."""

    least: int
    most: int
    desired: int
    in_service: int
