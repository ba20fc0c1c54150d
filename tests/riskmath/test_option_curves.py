"""Options on underlyings as curves: against each price computed by itself, within the error that is stated."""

import numpy as np
import pytest

from riskmath import option_curves as subject
from riskmath.option_revaluation import OptionTerms, model_price
from tests.riskmath.option_books import random_book

nan = np.nan
UNDERLYINGS = 4


def book(size, seed, american, days=(1, 1095)):
    """Options on underlyings, and how much of each; those of the last underlying are none."""
    random = np.random.default_rng(seed)
    options = OptionTerms.of(**random_book(size, seed, days=days), american=np.full(size, american))
    return options, random.normal(0.0, 1_000.0, size), random.integers(0, UNDERLYINGS - 1, size)


def moves(sessions, seed, deviation=0.03):
    return np.maximum(np.random.default_rng(seed).standard_t(4, (sessions, UNDERLYINGS)) * deviation, -1.0)


def curves(options, size, place, moved):
    return subject.option_curves(options, size, place, np.nanmin(moved, axis=0), np.nanmax(moved, axis=0))


def one_by_one(options, size, place, moved):
    """What the options on each underlying gain, every one of them valued in every scenario."""
    total = np.zeros(moved.shape)
    now = model_price(options)
    for scenario, row in enumerate(moved):
        gain = size * (model_price(options.shocked(row[place])) - now)
        np.add.at(total[scenario], place, gain)
    return total


def allowed(options, size, place, moved, error):
    """The stated error of each option, twice: of the price after the move, and of the one now."""
    highest = np.maximum(1.0 + moved.max(axis=0), 1.0)[place]
    total = np.zeros(UNDERLYINGS)
    np.add.at(total, place, 2.0 * error * np.abs(size) * options.spot * highest)
    return total + 1e-6


@pytest.mark.parametrize("days", [(1, 3), (20, 1095)])
@pytest.mark.parametrize("deviation", [1e-6, 0.01, 0.1])
def test_european_options_are_within_the_stated_error(days, deviation):
    given = book(150, 3, american=False, days=days)
    moved = moves(200, 4, deviation)
    found = curves(*given, moved).pnl(moved)
    assert (np.abs(found - one_by_one(*given, moved)) <= allowed(*given, moved, subject.ERROR)).all()
    assert not found[:, -1].any()


def test_american_options_are_within_a_ten_thousandth_of_the_strike():
    options, size, place = given = book(60, 8, american=True, days=(2, 1095))
    moved = moves(60, 1)
    found = curves(*given, moved).pnl(moved)
    error = np.zeros(UNDERLYINGS)
    np.add.at(error, place, 2e-4 * np.abs(size) * options.strike)
    assert (np.abs(found - one_by_one(*given, moved)) <= error + 1e-6).all()


def test_what_would_need_too_many_nodes_is_computed_by_itself(monkeypatch):
    given = book(40, 5, american=False, days=(1, 2))
    moved = moves(50, 6)
    monkeypatch.setattr(subject, "MOST", 0)
    found = curves(*given, moved)
    assert not found.european
    assert found.pnl(moved) == pytest.approx(one_by_one(*given, moved), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("cells", [1, 200, 7_000])
def test_in_blocks_of_options_and_of_scenarios_it_is_the_same(monkeypatch, cells):
    given = book(50, 9, american=True, days=(1, 400))
    moved = moves(80, 2)
    whole = curves(*given, moved).pnl(moved)
    monkeypatch.setattr(subject, "CELLS_AT_ONCE", cells)
    found = curves(*given, moved)
    parts = np.vstack([found.pnl(block) for block in np.array_split(moved, 7)])
    assert parts == pytest.approx(whole, rel=1e-12, abs=1e-12 * np.abs(whole).max())


def test_no_move_is_no_gain_and_the_range_need_not_hold_it():
    options, size, place = book(30, 7, american=True)
    fallen = np.full((1, UNDERLYINGS), -0.2)
    found = subject.option_curves(options, size, place, fallen[0], fallen[0] + 0.1)
    assert not found.pnl(np.zeros((3, UNDERLYINGS))).any()
    assert found.pnl(fallen)[:, :-1].all()
    still = subject.option_curves(options, size, place, np.zeros(UNDERLYINGS), np.zeros(UNDERLYINGS))
    assert not still.pnl(np.zeros((2, UNDERLYINGS))).any()


def test_an_underlying_that_loses_everything():
    given = book(20, 2, american=False, days=(30, 1095))
    moved = np.vstack([moves(20, 3), np.full(UNDERLYINGS, -1.0)])
    assert (
        np.abs(curves(*given, moved).pnl(moved) - one_by_one(*given, moved)) <= allowed(*given, moved, subject.ERROR)
    ).all()


def test_a_missing_move_stays_missing_and_disturbs_no_other():
    given = book(30, 4, american=True)
    moved = moves(9, 1)
    whole = curves(*given, moved).pnl(moved)
    moved[3, 2] = nan
    found = subject.option_curves(*given, moves(9, 1).min(axis=0), moves(9, 1).max(axis=0)).pnl(moved)
    assert np.isnan(found[3, 2])
    assert np.isnan(found).sum() == 1
    assert np.array_equal(found[4:], whole[4:])


@pytest.mark.parametrize(
    ("moved", "message"),
    [
        (np.zeros((2, 3)), "has 3 columns: must have 4"),
        (np.full((2, 4), 0.5), "outside the range"),
        (np.full((2, 4), -1.5), "a spot return is -1.5"),
        (np.full((2, 4), np.inf), r"spot_returns\[0, 0\] is inf"),
    ],
)
def test_impossible_input_is_named(moved, message):
    given = book(10, 1, american=False)
    with pytest.raises(ValueError, match=message):
        curves(*given, moves(20, 1)).pnl(moved)
