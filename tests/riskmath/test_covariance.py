"""EWMA, shrunk and repaired covariances: loops, scikit-learn, a published example, and invariants."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from sklearn.covariance import LedoitWolf

from riskmath import covariance as subject
from tests.riskmath import bundled

nan = np.nan
samples = arrays(float, st.tuples(st.integers(5, 12), st.integers(1, 5)), elements=st.floats(-0.25, 0.25, width=32))


def smallest_eigenvalue(matrix):
    return np.linalg.eigvalsh(matrix)[0]


# --- exponential weights ---


@pytest.mark.parametrize("decay", [0.94, 0.99, 1.0])
def test_ewma_equals_a_loop_over_the_sessions(decay):
    returns = bundled.funds(300)
    total, weights = np.zeros((5, 5)), 0.0
    for age, row in enumerate(returns[::-1]):
        total += decay**age * np.outer(row, row)
        weights += decay**age
    assert subject.ewma_covariance(returns, decay) == pytest.approx(total / weights, rel=1e-12)


def test_ewma_variance_equals_pandas():
    returns = bundled.funds(300)
    expected = pd.DataFrame(returns**2).ewm(alpha=0.06, adjust=True).mean().to_numpy()[-1]
    assert np.diag(subject.ewma_covariance(returns, 0.94)) == pytest.approx(expected, rel=1e-12)


def test_decay_and_half_life():
    assert subject.decay_of(1.0) == 0.5
    assert subject.decay_of(60.0) ** 60 == pytest.approx(0.5)
    weights = 0.94 ** np.arange(5000)
    assert weights.sum() ** 2 / np.square(weights).sum() == pytest.approx(32, abs=0.5)  # the methodology's 32


def test_two_speeds_take_correlation_from_the_one_and_volatility_from_the_other():
    returns = bundled.funds(500)
    found = subject.two_speed_covariance(returns)
    slow = subject.ewma_covariance(returns, subject.decay_of(60))
    fast = subject.ewma_covariance(returns, subject.decay_of(20))
    assert np.diag(found) == pytest.approx(np.diag(fast), rel=1e-12)
    deviation = np.sqrt(np.diag(slow))
    assert found / np.sqrt(np.outer(np.diag(found), np.diag(found))) == pytest.approx(
        slow / np.outer(deviation, deviation), rel=1e-12
    )


def test_one_half_life_for_both_is_plain_ewma():
    returns = bundled.funds(200)
    both = subject.two_speed_covariance(returns, correlation_half_life=30, volatility_half_life=30)
    assert both == pytest.approx(subject.ewma_covariance(returns, subject.decay_of(30)), rel=1e-12)


def test_a_column_that_never_moves_has_no_covariance():
    returns = np.column_stack([bundled.market(100), np.zeros(100)])
    found = subject.two_speed_covariance(returns)
    assert found[1].tolist() == [0.0, 0.0]
    assert found[0, 0] > 0.0


def test_a_gap_takes_its_session_out_but_not_its_age():
    returns = np.array([[0.01, 0.02], [nan, 0.5], [0.03, -0.01]])
    weight = 0.25 / 1.25
    expected = weight * 0.01 * 0.02 + (1 - weight) * 0.03 * -0.01
    assert subject.ewma_covariance(returns, 0.5)[0, 1] == pytest.approx(expected)


@given(samples)
def test_ewma_is_positive_semidefinite_and_scales(returns):
    found = subject.ewma_covariance(returns)
    assert smallest_eigenvalue(found) >= -1e-15
    assert subject.ewma_covariance(returns * 3.0) == pytest.approx(9.0 * found, rel=1e-9, abs=1e-18)


def test_ewma_volatility_runs_forward():
    returns = np.array([[0.01], [nan], [0.03]])
    start = (0.01**2 + 0.03**2) / 2
    first = 0.94 * start + 0.06 * 0.01**2
    last = 0.94 * first + 0.06 * 0.03**2
    assert subject.ewma_volatility(returns)[:, 0] ** 2 == pytest.approx([start, first, first, last])
    assert np.isnan(subject.ewma_volatility(np.full((3, 1), nan))).all()


# --- shrinkage ---


def test_ledoit_wolf_equals_scikit_learn_on_standardised_returns():
    _, returns = bundled.stocks(120)
    deviation = returns.std(axis=0)
    oracle = LedoitWolf().fit(returns / deviation)
    found = subject.ledoit_wolf(returns)
    assert found.shrinkage == pytest.approx(oracle.shrinkage_, rel=1e-10)
    assert found.covariance == pytest.approx(oracle.covariance_ * np.outer(deviation, deviation), rel=1e-10)


def test_more_instruments_than_sessions_are_still_positive_definite():
    returns = np.random.default_rng(1).normal(0, 0.01, (10, 40))
    found = subject.ledoit_wolf(returns)
    assert smallest_eigenvalue(found.covariance) > 0.0
    assert np.diag(found.covariance) == pytest.approx(returns.var(axis=0))


def test_noise_is_shrunk_all_the_way_and_signal_is_not():
    random = np.random.default_rng(2)
    noise = random.normal(0, 0.01, (60, 15))
    common = noise + random.normal(0, 0.03, (60, 1))
    assert subject.ledoit_wolf(noise).shrinkage > 0.8
    assert subject.ledoit_wolf(common).shrinkage < 0.1


def test_a_constant_and_a_single_column():
    found = subject.ledoit_wolf([[0.01, 0.0], [-0.01, 0.0], [0.02, 0.0]])
    assert found.covariance[1].tolist() == [0.0, 0.0]
    assert found.covariance[0, 0] == pytest.approx(np.var([0.01, -0.01, 0.02]))


# --- repair ---


def test_highams_example():
    # Higham 2002, section 1: distance 0.5278
    found = subject.nearest_correlation([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    expected = [[1.0, 0.7607, 0.1573], [0.7607, 1.0, 0.7607], [0.1573, 0.7607, 1.0]]
    assert found.matrix == pytest.approx(np.array(expected), abs=5e-5)
    assert found.distance == pytest.approx(0.5278, abs=5e-5)


def test_a_correlation_matrix_is_left_alone():
    given = np.corrcoef(bundled.funds(100).T)
    found = subject.nearest_correlation(given)
    assert np.array_equal(found.matrix, (given + given.T) / 2)
    assert found.distance == 0.0


@settings(max_examples=40)
@given(st.integers(0, 100_000), st.integers(2, 7))
def test_what_is_repaired_is_a_correlation_matrix_and_nearer_than_clipping(seed, size):
    random = np.random.default_rng(seed)
    given = np.triu(random.uniform(-1, 1, (size, size)), 1)
    given = given + given.T + np.eye(size)
    found = subject.nearest_correlation(given)
    assert np.diag(found.matrix) == pytest.approx(np.ones(size), abs=1e-12)
    assert smallest_eigenvalue(found.matrix) >= -1e-12
    assert np.abs(found.matrix).max() <= 1.0 + 1e-9
    assert found.distance == pytest.approx(np.linalg.norm(found.matrix - given))
    values, vectors = np.linalg.eigh(given)
    clipped = (vectors * np.maximum(values, 0.0)) @ vectors.T
    clipped /= np.sqrt(np.outer(np.diag(clipped), np.diag(clipped)))
    assert found.distance <= np.linalg.norm(clipped - given) + 1e-6
    assert subject.nearest_correlation(found.matrix).distance <= 1e-8


def test_a_covariance_keeps_its_variances():
    deviation = np.array([0.1, 0.2, 0.3])
    given = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]) * np.outer(deviation, deviation)
    found = subject.nearest_covariance(given)
    assert np.diag(found.matrix) == pytest.approx(deviation**2)
    assert smallest_eigenvalue(found.matrix) >= -1e-12
    assert found.distance == pytest.approx(0.5278, abs=5e-5)


# --- what is refused ---


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: subject.ewma_covariance([[0.1]], 0.0), "decay is 0.0"),
        (lambda: subject.ewma_covariance([[nan]]), "no session young enough"),
        (lambda: subject.ewma_covariance([[np.inf]]), r"returns\[0, 0\] is inf"),
        (lambda: subject.ewma_volatility([[0.1]], 1.0), "decay is 1.0"),
        (lambda: subject.decay_of(0.0), "half_life is 0.0"),
        (lambda: subject.ledoit_wolf([[0.1, nan], [0.1, 0.2]]), "has 1 complete sessions"),
        (lambda: subject.nearest_correlation([[1.0, 0.5]]), "must be square"),
        (lambda: subject.nearest_correlation([[1.0, 0.5], [0.4, 1.0]]), r"matrix\[0, 1\] is 0.5, mirrored 0.4"),
        (lambda: subject.nearest_correlation([[1.0, nan], [nan, 1.0]]), r"matrix\[0, 1\] is nan: must be known"),
        (lambda: subject.nearest_covariance([[0.0]]), r"matrix\[0, 0\] is 0.0: must be above 0"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
