"""Scores of rankings, counted with numpy alone, are those of scikit-learn; so are the curves behind them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from walkaround.evaluation.curves import precision_recall_curve, roc_curve
from walkaround.evaluation.ranking import auroc, average_precision

Pictures = tuple[NDArray[np.bool_], NDArray[np.float64]]


@st.composite
def pictures(draw: st.DrawFn) -> Pictures:
    """Truth and probability of 2 to 60 pictures, many of which have the same probability; both kinds occur."""
    rows = draw(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=58))
    truth, levels = zip(*rows, (True, draw(st.integers(0, 12))), (False, draw(st.integers(0, 12))), strict=True)
    return np.array(truth), np.array(levels) / 12


@settings(deadline=None)
@given(pictures())
def test_scores_of_rankings_are_those_of_scikit_learn(drawn: Pictures) -> None:
    assert auroc(*drawn) == pytest.approx(metrics.roc_auc_score(*drawn), rel=1e-12)
    assert average_precision(*drawn) == pytest.approx(metrics.average_precision_score(*drawn), rel=1e-12)


@settings(deadline=None)
@given(pictures())
def test_curves_are_those_of_scikit_learn(drawn: Pictures) -> None:
    precision, recall, threshold = metrics.precision_recall_curve(*drawn)
    curve = precision_recall_curve(*drawn)
    assert curve.threshold == tuple(threshold)
    assert curve.precision == pytest.approx(precision[:-1])
    assert curve.recall == pytest.approx(recall[:-1])
    false_alarms, recall, _ = metrics.roc_curve(*drawn, drop_intermediate=False)
    roc = roc_curve(*drawn)
    everywhere = np.interp(false_alarms, roc.false_alarms, roc.recall)
    uprights = np.isin(false_alarms, roc.false_alarms)  # there a curve that is no function has several values
    assert everywhere[~uprights] == pytest.approx(recall[~uprights])
    corners = {(round(x, 9), round(y, 9)) for x, y in zip(roc.false_alarms, roc.recall, strict=True)}
    assert corners <= {(round(x, 9), round(y, 9)) for x, y in zip(false_alarms, recall, strict=True)}
    assert metrics.auc(roc.false_alarms, roc.recall) == pytest.approx(metrics.roc_auc_score(*drawn))
