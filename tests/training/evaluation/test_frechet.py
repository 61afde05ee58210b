import numpy as np
import pytest

from training.evaluation.frechet import frechet_distance


def test_of_one_dimension_it_is_that_of_means_and_deviations():
    rng = np.random.default_rng(0)
    first, second = rng.normal(1, 2, (50, 1)), rng.normal(4, 3, (70, 1))
    by_hand = (first.mean() - second.mean()) ** 2 + (first.std(ddof=1) - second.std(ddof=1)) ** 2
    assert frechet_distance(first, second) == pytest.approx(by_hand)


def test_of_turned_clouds_it_is_the_closed_form_of_two_dimensions():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(400, 2)) * (1, 3), rng.normal(size=(300, 2)) @ [[1, 0.5], [0, 2]]
    one, other = np.cov(first.T), np.cov(second.T)
    # Of a 2x2 matrix the trace of the root is sqrt(trace + 2 sqrt(determinant)).
    product = one @ other
    shared = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    apart = np.sum((first.mean(0) - second.mean(0)) ** 2)
    by_hand = apart + np.trace(one) + np.trace(other) - 2 * shared
    assert frechet_distance(first, second) == pytest.approx(by_hand)


def test_a_set_is_at_no_distance_from_itself_even_with_fewer_pictures_than_features():
    features = np.random.default_rng(2).normal(size=(5, 12))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)


def test_features_of_two_kinds_are_refused():
    with pytest.raises(ValueError, match=r"Received: \(5, 3\) and \(5, 4\)"):
        frechet_distance(np.zeros((5, 3)), np.zeros((5, 4)))
