"""Rules about time, processors and memory.

Source of names and defaults: Amazon SageMaker Debugger, "List of Debugger built-in profiler rules"
(docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-profiler-rules.html), and of the constructors' defaults in
github.com/awslabs/sagemaker-debugger-rulesconfig, smdebug_rulesconfig/profiler_rules/rules.py. A data point is, as there, one
look at the machine; looks are half a second apart or more.
"""

from __future__ import annotations

import numpy as np

from walkaround.training.rules.history import History, Usage


def dataloader(
    history: History,
    *,
    min_threshold: float = 70.0,
    max_threshold: float = 200.0,
    waiting: float = 15.0,
    patience: int = 50,
) -> str | None:
    """Dataloader: the training waits for pictures for more than `waiting` per cent of the time.

    The service only compares the number of loading processes with that of the cores: fewer than `min_threshold` per cent are
    too few, more than `max_threshold` too many. Here that is told as the probable reason. Asked after `patience` steps.
    """
    if len(history.computing) < patience:
        return None
    waited, total = sum(history.waiting), sum(history.waiting) + sum(history.computing)
    if total <= 0 or 100 * waited / total <= waiting:
        return None
    reason = ""
    if history.run.loaders is not None and history.run.threads:
        share = 100 * history.run.loaders / history.run.threads
        if share < min_threshold:
            reason = f"; threads that read pictures: only {history.run.loaders}, {share:.0f}% of the cores"
        elif share > max_threshold:
            reason = f"; threads that read pictures: {history.run.loaders}, {share:.0f}% of the cores, which hinder each other"
    return f"{waited / total:.0%} of the time goes by in waiting for pictures{reason}"


def cpu_bottleneck(
    history: History,
    *,
    threshold: float = 50.0,
    gpu_threshold: float = 10.0,
    cpu_threshold: float = 90.0,
    patience: int = 1000,
) -> str | None:
    """CPUBottleneck: for more than `threshold` per cent of the time the accelerator idles while the processor is busy.

    Silent without an accelerator: then the processor is meant to be busy.
    """
    seen = [(one.cpu, one.gpu) for one in history.usage if one.gpu is not None]
    if len(seen) < patience:
        return None
    held_up = np.mean([cpu > cpu_threshold and gpu < gpu_threshold for cpu, gpu in seen])
    if 100 * held_up <= threshold:
        return None
    return (
        f"for {held_up:.0%} of the time the accelerator is below {gpu_threshold:g}% and the processor above {cpu_threshold:g}%"
    )


def step_outlier(history: History, *, stddev: float = 3.0, n_outliers: int = 10) -> str | None:
    """StepOutlier: more than `n_outliers` of the last thousand steps take longer than the mean and `stddev` deviations."""
    seconds = np.array(history.waiting) + np.array(history.computing)
    if len(seconds) <= n_outliers:
        return None
    limit = float(seconds.mean() + stddev * seconds.std())
    slow = seconds[seconds > limit]
    if len(slow) <= n_outliers:
        return None
    usual = f"{np.median(slow):.3g} s instead of {np.median(seconds):.3g} s"
    return f"{len(slow)} of {len(seconds)} steps took longer than {limit:.3g} s: {usual}"


def batch_size(
    history: History,
    *,
    cpu_threshold_p95: float = 70.0,
    gpu_threshold_p95: float = 70.0,
    gpu_memory_threshold_p95: float = 70.0,
    patience: int = 1000,
    window: int = 500,
) -> str | None:
    """BatchSize: processor, accelerator and its memory are all used so little that the batch could be larger.

    Looked at is the 95th percentile over the last `window` data points. Without an accelerator the processor alone decides.
    """
    if len(history.usage) < patience:
        return None
    seen = history.usage[-window:]
    cpu, gpu, memory = _p95([one.cpu for one in seen]), _gpu(seen, "gpu"), _gpu(seen, "gpu_memory")
    if cpu >= cpu_threshold_p95:
        return None
    if (gpu is not None and gpu >= gpu_threshold_p95) or (memory is not None and memory >= gpu_memory_threshold_p95):
        return None
    more = "" if gpu is None else f", the accelerator {gpu:.0f}%" + ("" if memory is None else f", its memory {memory:.0f}%")
    return f"at its busiest the processor is used to {cpu:.0f}%{more}"


def gpu_memory_increase(history: History, *, increase: float = 5.0, patience: int = 1000, window: int = 10) -> str | None:
    """GPUMemoryIncrease: the accelerator's memory fills, by more than `increase` per cent of it since it had settled.

    Compared are means over `window` data points: the last, and those after the first `patience`.
    """
    seen = [one.gpu_memory for one in history.usage if one.gpu_memory is not None]
    return _grown(seen, "the accelerator's memory", increase, patience, window)


def memory_increase(history: History, *, increase: float = 5.0, patience: int = 1000, window: int = 10) -> str | None:
    """MemoryIncrease: GPUMemoryIncrease for the memory of the machine, which a service's user has no eye on and we have."""
    return _grown([one.memory for one in history.usage], "the machine's memory", increase, patience, window)


def low_gpu_utilization(
    history: History, *, threshold_p95: float = 70.0, threshold_p5: float = 10.0, patience: int = 1000, window: int = 500
) -> str | None:
    """LowGPUUtilization: the accelerator is never fully used, or it is used by fits and starts."""
    seen = [one.gpu for one in history.usage if one.gpu is not None]
    if len(seen) < patience:
        return None
    low, high = np.percentile(seen[-window:], [5, 95])
    if high < threshold_p95:
        return f"at its busiest the accelerator is used to {high:.0f}%, less than {threshold_p95:g}%"
    return f"the use of the accelerator swings between {low:.0f}% and {high:.0f}%" if low < threshold_p5 else None


def max_initialization_time(history: History, *, threshold: float = 20.0) -> str | None:
    """MaxInitializationTime: after `threshold` minutes there was still no first step."""
    if history.started <= 60 * threshold:
        return None
    return f"no step was done in the first {history.started / 60:.0f} minutes"


def _grown(seen: list[float], what: str, increase: float, patience: int, window: int) -> str | None:
    settled, now = seen[patience : patience + window], seen[-window:]
    if len(seen) < patience + 2 * window:
        return None
    grown = float(np.mean(now) - np.mean(settled))
    if grown <= increase:
        return None
    return f"the training's share of {what} grew from {np.mean(settled):.1f}% to {np.mean(now):.1f}%"


def _p95(values: list[float]) -> float:
    return float(np.percentile(values, 95))


def _gpu(seen: list[Usage], name: str) -> float | None:
    known = [value for one in seen if (value := getattr(one, name)) is not None]
    return _p95(known) if known else None
