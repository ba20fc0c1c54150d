"""Value at risk and expected shortfall: by hand, by integrals and differences, coherence, and simulated scenarios."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from riskmath import simulation
from riskmath import tail_risk as subject
from riskmath.covariance import ewma_covariance
from tests.riskmath import bundled

nan = np.nan
samples = arrays(float, st.tuples(st.integers(25, 60), st.integers(1, 4)), elements=st.floats(-100, 100, width=32))


# --- observed and simulated results ---


def test_by_hand_with_a_whole_tail():
    # 100 results, 95 %: k = 5; the sixth worst is the value at risk, the mean of the five worst the shortfall
    outcome = -np.arange(1.0, 101.0)[:, None]
    found = subject.tail_risk(outcome, 0.95)
    assert found.value_at_risk.tolist() == [95.0]
    assert found.expected_shortfall.tolist() == [98.0]


def test_by_hand_with_a_part_of_a_scenario():
    # 250 results, 95 %: k = 12.5, so half of the thirteenth
    found = subject.tail_risk(-np.arange(1.0, 251.0)[:, None], 0.95)
    assert found.value_at_risk.tolist() == [238.0]
    assert found.expected_shortfall[0] == pytest.approx((sum(range(239, 251)) + 0.5 * 238) / 12.5)


def test_rounding_of_the_confidence_does_not_lose_a_scenario():
    # 20 x (1 - 0.95) is 1.0000000000000009 in float64
    assert subject.tail_risk(-np.arange(1.0, 21.0)[:, None], 0.95).value_at_risk.tolist() == [19.0]


@given(samples, st.sampled_from([0.8, 0.9, 0.95]))
def test_expected_shortfall_is_rockafellar_and_uryasevs(outcome, confidence):
    # the minimum over v of v + E[(L - v)+] / (1 - c), which is attained at one of the losses
    found = subject.tail_risk(outcome, confidence)
    losses = -outcome
    for column in range(outcome.shape[1]):
        loss = losses[:, column]
        values = [v + np.maximum(loss - v, 0.0).mean() / (1.0 - confidence) for v in loss]
        assert found.expected_shortfall[column] == pytest.approx(min(values), rel=1e-9, abs=1e-9)


@given(samples, st.floats(0.1, 10.0), st.floats(-50.0, 50.0))
def test_coherence(outcome, scale, cash):
    found = subject.tail_risk(outcome, 0.9)
    assert np.all(found.expected_shortfall >= found.value_at_risk)
    moved = subject.tail_risk(outcome * scale + cash, 0.9)
    assert moved.expected_shortfall == pytest.approx(found.expected_shortfall * scale - cash, rel=1e-9, abs=1e-9)
    together = subject.tail_risk(outcome.sum(axis=1)[:, None], 0.9).expected_shortfall[0]
    assert together <= found.expected_shortfall.sum() + 1e-9
    assert np.all(subject.tail_risk(outcome, 0.95).value_at_risk >= found.value_at_risk)


@given(samples)
def test_components_add_to_the_book(outcome):
    parts = subject.tail_parts(outcome, 0.9)
    whole = subject.tail_risk(outcome.sum(axis=1)[:, None], 0.9)
    assert parts.value_at_risk == pytest.approx(whole.value_at_risk[0], abs=1e-9)
    assert parts.expected_shortfall == pytest.approx(whole.expected_shortfall[0], abs=1e-9)
    assert parts.component_shortfall.sum() == pytest.approx(parts.expected_shortfall, abs=1e-9)
    if parts.component_var is not None:
        assert parts.component_var.sum() == pytest.approx(parts.value_at_risk, rel=1e-6, abs=1e-6)


def test_component_shortfall_is_the_mean_loss_in_the_tail():
    outcome = np.random.default_rng(3).normal(0, 1, (40, 3))
    worst = np.argsort(outcome.sum(axis=1))[:4]
    assert subject.tail_parts(outcome, 0.9).component_shortfall == pytest.approx(-outcome[worst].mean(axis=0))


def test_a_book_that_cannot_move_has_no_components_of_var():
    parts = subject.tail_parts(np.zeros((30, 2)), 0.9)
    assert (parts.value_at_risk, parts.expected_shortfall, parts.component_var) == (0.0, 0.0, None)


def test_a_book_with_a_missing_scenario_has_no_result():
    outcome = np.random.default_rng(3).normal(0, 1, (40, 3))
    outcome[4, 1] = nan
    assert np.isnan(subject.tail_risk(outcome).value_at_risk).tolist() == [False, True, False]


# --- by formula ---


def test_parametric_equals_scipys_normal_distribution():
    exposure, covariance = np.array([100.0, -50.0]), np.array([[4e-4, 1e-4], [1e-4, 9e-4]])
    found = subject.parametric_tail(exposure, covariance, confidence=0.99, horizon=10)
    normal = stats.norm(0, np.sqrt(exposure @ covariance @ exposure * 10))
    assert found.value_at_risk == pytest.approx(-normal.ppf(0.01))
    assert found.expected_shortfall == pytest.approx(-normal.expect(lambda x: x, ub=normal.ppf(0.01)) / 0.01, rel=1e-6)


@settings(max_examples=50)
@given(st.integers(0, 100_000), st.booleans())
def test_euler_components_are_derivatives_and_add(seed, normal):
    random = np.random.default_rng(seed)
    returns = random.standard_t(5, (120, 3)) * 0.01
    exposure = random.normal(0, 100, 3)
    assume(np.abs(returns @ exposure).max() > 1e-6)

    def tail(size):
        if normal:
            return subject.parametric_tail(size, np.cov(returns.T), horizon=4)
        return subject.cornish_fisher_tail(returns * size, horizon=4)

    found = tail(exposure)
    assert found.component_var.sum() == pytest.approx(found.value_at_risk, abs=1e-9)
    assert found.component_shortfall.sum() == pytest.approx(found.expected_shortfall, abs=1e-9)
    for position in range(3):
        bump = np.zeros(3)
        bump[position] = 1e-4
        above, below = tail(exposure + bump), tail(exposure - bump)
        for name, component in (("value_at_risk", "component_var"), ("expected_shortfall", "component_shortfall")):
            slope = (getattr(above, name) - getattr(below, name)) / 2e-4
            expected = slope * exposure[position]
            assert getattr(found, component)[position] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_cornish_fisher_is_its_expansion_and_the_shortfall_its_integral():
    outcome = np.random.default_rng(5).gamma(4.0, 1.0, (500, 1)) * -1.0
    found = subject.cornish_fisher_tail(outcome, confidence=0.95)
    mean, deviation = outcome.mean(), outcome.std()
    skew, excess = stats.skew(outcome[:, 0]), stats.kurtosis(outcome[:, 0])

    def quantile(z):
        third, fourth = (z**2 - 1) * skew / 6, (z**3 - 3 * z) * excess / 24
        return mean + deviation * (z + third + fourth - (2 * z**3 - 5 * z) * skew**2 / 36)

    edge = stats.norm.ppf(0.05)
    assert found.value_at_risk == pytest.approx(-quantile(edge))
    mass, _ = integrate.quad(lambda z: quantile(z) * stats.norm.pdf(z), -12, edge)
    assert found.expected_shortfall == pytest.approx(-mass / 0.05, rel=1e-8)
    assert found.valid


def test_cornish_fisher_of_normal_moments_is_the_normal_distribution():
    # 3-point symmetric law with kurtosis 3: a = sqrt 3 with probability 1/6 each
    outcome = np.array([-(3**0.5), 3**0.5, 0.0, 0.0, 0.0, 0.0])[:, None]
    assert subject.cornish_fisher_tail(outcome).value_at_risk == pytest.approx(-stats.norm.ppf(0.05))


def test_a_wild_shape_is_told():
    outcome = np.zeros((200, 1))
    outcome[0] = -50.0
    assert not subject.cornish_fisher_tail(outcome, confidence=0.99).valid
    flat = subject.cornish_fisher_tail(np.zeros((9, 2)))
    assert (flat.value_at_risk, flat.component_var.tolist()) == (0.0, [0.0, 0.0])


# --- scenarios ---


def test_filtered_returns_are_past_ones_at_todays_volatility():
    returns = np.column_stack([bundled.market(500), bundled.funds(500)])
    book = returns.mean(axis=1)
    found = simulation.filtered_returns(returns, book)
    variance = [np.square(book).mean()]
    for move in book:
        variance.append(0.94 * variance[-1] + 0.06 * move**2)
    scale = np.sqrt(variance[-1] / np.array(variance[:-1]))
    assert found == pytest.approx(returns * scale[:, None], rel=1e-12)


def test_filtering_never_goes_below_ruin_and_leaves_a_still_book_alone():
    wild = np.array([[0.001]] * 60 + [[-0.9]])
    assert simulation.filtered_returns(wild[::-1], wild[::-1, 0]).min() >= -1.0
    assert simulation.filtered_returns([[0.1], [nan]], [0.0, 0.0])[0, 0] == 0.1


def drawn(*arguments, **options):
    return simulation.bootstrap_returns(*arguments, **options).all()


def test_bootstrap_is_seeded_and_compounds():
    scenarios = bundled.funds(100)
    found = drawn(scenarios, 10, draws=4000, seed=7)
    assert np.array_equal(found, drawn(scenarios, 10, draws=4000, seed=7))
    assert not np.array_equal(found, drawn(scenarios, 10, draws=4000, seed=8))
    assert found.std(axis=0) == pytest.approx(scenarios.std(axis=0) * 10**0.5, rel=0.05)
    assert drawn([[0.1]], 3, draws=2)[:, 0] == pytest.approx([0.331, 0.331])
    assert np.array_equal(drawn(scenarios, 1), scenarios)


def test_monte_carlo_has_the_covariance_and_the_parametric_tail():
    returns = bundled.funds(250)
    covariance = ewma_covariance(returns)
    found = simulation.normal_returns(simulation.covariance_root(returns), draws=200_000, seed=1).all()
    assert found.mean(axis=0) == pytest.approx(np.zeros(5), abs=1e-15)
    assert np.cov(found.T) == pytest.approx(covariance, rel=0.02)
    weights = np.full(5, 0.2)
    expected = subject.parametric_tail(weights, covariance).value_at_risk
    assert subject.tail_risk((found @ weights)[:, None]).value_at_risk[0] == pytest.approx(expected, rel=0.02)
    nine, ten = (simulation.normal_returns([[0.1]], draws=draws).all() for draws in (9, 10))
    assert np.array_equal(nine, ten)


@pytest.mark.parametrize("sessions", [3, 250])
def test_a_root_gives_the_covariance_back_of_many_instruments_and_of_few(sessions):
    returns = bundled.funds(sessions)
    root = simulation.covariance_root(returns)
    assert len(root) == min(sessions, 5)
    assert root.T @ root == pytest.approx(ewma_covariance(returns), rel=1e-9, abs=1e-18)


@pytest.mark.parametrize(
    "scenarios",
    [
        simulation.bootstrap_returns(bundled.funds(100), 5, draws=1_000),
        simulation.bootstrap_returns(bundled.funds(100), 1),
        simulation.normal_returns(simulation.covariance_root(bundled.funds(100)), draws=1_000),
    ],
)
def test_block_by_block_scenarios_and_their_tail_are_the_same(scenarios, monkeypatch):
    whole = scenarios.all()
    monkeypatch.setattr(simulation, "CELLS_AT_ONCE", 35)
    blocks = list(scenarios.blocks(5))
    assert max(map(len, blocks)) == 7
    assert np.vstack(blocks) == pytest.approx(whole, rel=1e-12, abs=1e-18)
    total = np.concatenate([block.sum(axis=1) for block in blocks])
    found, expected = subject.tail_parts_of(total, scenarios.made), subject.tail_parts(whole)
    assert found.value_at_risk == pytest.approx(expected.value_at_risk, rel=1e-12)
    assert found.component_shortfall == pytest.approx(expected.component_shortfall, rel=1e-12, abs=1e-16)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: subject.tail_risk(np.zeros((100, 1)), 1.0), "confidence is 1.0"),
        (lambda: subject.tail_risk(np.zeros((10, 1)), 0.95), "pnl has 10 rows: at a confidence of 0.95"),
        (lambda: subject.tail_risk([[np.inf]], 0.5), r"pnl\[0, 0\] is inf"),
        (lambda: subject.tail_parts(np.full((100, 1), nan)), r"pnl\[0, 0\] is nan: must be known"),
        (lambda: subject.cornish_fisher_tail(np.zeros((3, 1))), "pnl has 3 rows: must have at least 4"),
        (lambda: subject.parametric_tail([1.0], [[1.0]], horizon=0.0), "horizon is 0.0"),
        (lambda: subject.parametric_tail([nan], [[1.0]]), r"exposure\[0\] is nan"),
        (lambda: simulation.bootstrap_returns([[0.1]], 0), "horizon is 0"),
        (lambda: simulation.normal_returns([[nan]]), r"root\[0, 0\] is nan"),
        (lambda: simulation.normal_returns([[1.0]], horizon=0.0), "horizon is 0.0"),
    ],
)
def test_impossible_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
