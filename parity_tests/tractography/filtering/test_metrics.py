import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from tractography.filtering.assignment import NO_BUNDLE, Assignment
from tractography.filtering.metrics import evaluate


def test_metrics_are_scikit_learns():
    generator = np.random.default_rng(4)
    truth = generator.integers(-1, 3, 500)
    labels = np.where(generator.random(500) < 0.8, np.maximum(truth, 0), generator.integers(0, 3, 500)).astype(np.int32)
    assignment = Assignment(labels, generator.gamma(2, 1, 500) + 2 * (truth < 0))
    thresholds = np.array([3.0, 4.0, 5.0])
    found = np.where(assignment.kept(thresholds), labels, NO_BUNDLE)
    scored = evaluate(truth, assignment, thresholds, "ABC")
    assert scored.accuracy == sklearn_metrics.accuracy_score(truth, found)
    assert scored.balanced_accuracy == pytest.approx(sklearn_metrics.balanced_accuracy_score(truth, found))
    assert scored.f1 == pytest.approx(sklearn_metrics.f1_score(truth, found, average="macro"))
    order = [0, 1, 2, NO_BUNDLE]
    np.testing.assert_array_equal(scored.confusion, sklearn_metrics.confusion_matrix(truth, found, labels=order))
    for number, (_, scores) in enumerate(scored.bundles):
        yes, said = truth == number, found == number
        assert scores.precision == pytest.approx(sklearn_metrics.precision_score(yes, said))
        assert scores.sensitivity == pytest.approx(sklearn_metrics.recall_score(yes, said))
        assert scores.specificity == pytest.approx(sklearn_metrics.recall_score(~yes, ~said))
    relative = assignment.distances / thresholds[labels]
    assert scored.plausible.auc == pytest.approx(sklearn_metrics.roc_auc_score(truth >= 0, -relative))
