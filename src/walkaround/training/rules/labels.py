"""Rules about what goes in and what comes out: labels, pictures, mistakes.

Source of names and defaults: Amazon SageMaker Debugger, "List of Debugger built-in rules", of each rule the parameter table
(docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from walkaround.training.rules.history import History


def class_imbalance(
    history: History, *, threshold_imbalance: float = 10.0, threshold_misprediction: float = 0.7, samples: int = 500
) -> str | None:
    """ClassImbalance: one class is seen far more often than another, or hardly ever recognised.

    Counted are the labels in the batches, once `samples` of them were seen, so that a loader that draws rare classes more often
    is given its due. Mistakes are counted when the training is over, in its best epoch.
    Source: section "ClassImbalance".
    """
    names = history.run.classes
    if sum(history.labels) >= samples and len(history.labels) > 1:
        most, fewest = int(np.argmax(history.labels)), int(np.argmin(history.labels))
        if history.labels[most] > threshold_imbalance * history.labels[fewest]:
            return (
                f"{_name(names, most)} was seen {history.labels[most]} times, {_name(names, fewest)}"
                f" {history.labels[fewest]} times; up to {threshold_imbalance:g} times as often is fine"
            )
    confusion = _best_confusion(history)
    if confusion is None:
        return None
    totals = confusion.sum(axis=1)
    missed = np.where(totals > 0, 1 - np.diag(confusion) / np.maximum(1, totals), 0.0)
    worst = int(missed.argmax())
    if missed[worst] <= threshold_misprediction:
        return None
    return f"{missed[worst]:.0%} of the validation pictures of {_name(names, worst)} are taken for something else"


def confusion(history: History, *, min_diag: float = 0.9, max_off_diag: float = 0.1) -> str | None:
    """Confusion: of what is called a class, less than `min_diag` is that, or more than `max_off_diag` is one other class.

    Looked at when the training is over, in its best epoch. The service's text divides the diagonal by the sum of the diagonal,
    which no two classes could both satisfy; here it is divided by the column, as the text has it for the other elements.
    Source: section "Confusion".
    """
    table = _best_confusion(history)
    if table is None:
        return None
    shares = table / np.maximum(1, table.sum(axis=0))
    called = np.flatnonzero(table.sum(axis=0) > 0)
    names = history.run.classes
    for column in called[np.argsort([shares[one, one] for one in called])]:
        if shares[column, column] < min_diag:
            return (
                f"of the validation pictures called {_name(names, column)} only {shares[column, column]:.0%} are that;"
                f" {min_diag:.0%} would be fine"
            )
    off = shares - np.diag(np.diag(shares))
    row, column = np.unravel_index(int(off.argmax()), off.shape)
    if off[row, column] <= max_off_diag:
        return None
    return f"{off[row, column]:.0%} of what is called {_name(names, column)} is {_name(names, row)}"


def check_input_images(history: History, *, threshold_mean: float = 0.2, threshold_samples: int = 500) -> str | None:
    """CheckInputImages: the mean of a colour channel, as the network gets it, is further from 0 than `threshold_mean`.

    Asked once `threshold_samples` pictures were seen.
    Source: section "CheckInputImages".
    """
    if history.pictures < threshold_samples:
        return None
    furthest = max(history.inputs, key=abs)
    if abs(furthest) <= threshold_mean:
        return None
    told = ", ".join(f"{mean:.2f}" for mean in history.inputs)
    return f"the means of the channels are {told} over {history.pictures} pictures; up to {threshold_mean:g} from 0 is fine"


def _best_confusion(history: History) -> NDArray[np.int64] | None:
    """Of the best epoch that has one, when the training is over."""
    if not history.ended:
        return None
    known = [epoch for epoch in history.epochs if epoch.confusion is not None]
    best = [epoch for epoch in known if epoch.best] or known
    return best[-1].confusion if best else None


def _name(names: tuple[str, ...], number: int | np.integer) -> str:
    return repr(names[number]) if number < len(names) else f"class {number}"
