"""Fits of single instruments: the same bits beside whatever, found again by what they are made of, and kept."""

import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.database import Database
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from riskmath.factor_model import FactorFits, market_plus_styles
from services.risk.application.analyses import compute_payload
from services.risk.application.known_fits import KnownFits
from services.risk.domain.factor_fits import FITS, fit_book
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.instrument_fits import fit_keys, fit_rows, fits_of, windows_of
from services.risk.domain.result_id import Resolved
from services.risk.handlers.catalogue import KINDS
from services.risk.storage.fits import StoredFits
from tests.riskmath import bundled
from tests.services.risk import bundled_book, servers
from tests.services.risk.books import PORTFOLIO_ID, book, market
from tests.services.risk.fakes import FakeFits
from tests.services.risk.histories import factor_history, history_of
from tests.services.risk.test_factor_answers import ROWS, fitted_stack

__all__ = ["fitted_stack"]
RANDOM = np.random.default_rng(17)
GIVEN = bundled_book.inputs()
FACTORS = fit_book(GIVEN).factors
RETURNS = np.hstack([bundled.stocks(252)[1], RANDOM.normal(0.0, 0.02, (252, 180))])
RETURNS[RANDOM.random(RETURNS.shape) < RANDOM.choice([0.0, 0.3], RETURNS.shape[1])] = np.nan
ALONE = [fit_rows(RETURNS[:, [column]], FACTORS).tobytes() for column in range(RETURNS.shape[1])]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, RETURNS.shape[1] - 1), min_size=1, max_size=150))
def test_a_fit_is_the_same_bits_whatever_it_is_computed_beside(columns):
    together = fit_rows(RETURNS[:, columns], FACTORS)
    assert [row.tobytes() for row in together] == [ALONE[column] for column in columns]
    assert [row.tobytes() for row in fit_rows(np.asfortranarray(RETURNS[:, columns]), FACTORS)] == [
        ALONE[column] for column in columns
    ]


def test_fits_by_row_are_those_of_the_model():
    found = fits_of(RETURNS, FACTORS)
    model = market_plus_styles(RETURNS, FACTORS.market, FACTORS.styles, value=FACTORS.value, growth=FACTORS.growth)
    for field in dataclasses.fields(FactorFits):
        np.testing.assert_allclose(getattr(found, field.name), getattr(model, field.name), rtol=1e-9, atol=1e-12)
    assert found.observations.dtype == model.observations.dtype


def test_a_key_names_all_that_a_fit_is_made_of():
    keys = list(fit_keys(RETURNS, FACTORS))
    assert len(set(keys)) == len(keys) == len(RETURNS[0])
    assert list(fit_keys(RETURNS[:, ::-1], FACTORS)) == keys[::-1]
    other_nan = RETURNS.copy()
    other_nan[np.isnan(other_nan)] = -np.nan
    assert list(fit_keys(other_nan, FACTORS)) == keys
    moved = RETURNS[:, :1].copy()
    moved[100, 0] += 1e-15
    assert next(fit_keys(moved, FACTORS)) != keys[0]
    other = dataclasses.replace(FACTORS, returns=np.where(np.arange(252)[:, None] == 7, 0.0, FACTORS.returns))
    renamed = dataclasses.replace(FACTORS, names=("Market Beta", "Growth", *FACTORS.names[2:]))
    assert keys[0] not in {next(fit_keys(RETURNS, other)), next(fit_keys(RETURNS, renamed))}


def test_known_fits_are_taken_as_they_are_and_the_others_computed():
    keys = list(fit_keys(RETURNS, FACTORS))
    rows = dict(zip(keys, fit_rows(RETURNS, FACTORS), strict=True))
    some = {key: rows[key] for key in keys[::3]}
    assert fits_of(RETURNS, FACTORS, some).gamma.tobytes() == fits_of(RETURNS, FACTORS).gamma.tobytes()
    doubled = {keys[0]: 2.0 * rows[keys[0]]}
    assert fits_of(RETURNS, FACTORS, doubled).market_beta[0] == 2.0 * fits_of(RETURNS, FACTORS).market_beta[0]


@pytest.mark.parametrize(
    "kind", ["factor_exposures", "position_factor_exposures", "variance_decomposition", "active_risk"]
)
async def test_an_answer_is_the_same_bytes_with_known_fits_and_without(kind):
    analysis, known = KINDS[kind].analysis, KnownFits(FakeFits())
    told = msgspec.to_builtins(analysis.parameters())
    resolved = Resolved(kind, "somebody", PORTFOLIO_ID, 3, "2022-12-28", told)
    with_fits = await known.beside(GIVEN, analysis.needs(analysis.parameters()))
    assert len(with_fits.fits) == 20
    render = KINDS[kind].render
    assert compute_payload(analysis, render, resolved, with_fits) == compute_payload(analysis, render, resolved, GIVEN)
    assert with_fits.digests() == GIVEN.digests()


async def test_only_what_is_missing_is_computed_and_asked_for_once():
    stored = FakeFits()
    few = bundled_book.inputs(weights={"AAPL": 0.5, "XOM": 0.5})
    first = await KnownFits(stored).beside(few, FITS)
    assert [len(keys) for keys in stored.asked + stored.added] == [2, 2]
    again = KnownFits(stored)
    await again.beside(few, FITS)
    assert len(stored.added) == 1  # another process finds them
    everything = await again.beside(GIVEN, FITS)
    assert [len(keys) for keys in stored.asked[2:] + stored.added[1:]] == [18, 18]
    await again.beside(GIVEN, FITS)
    assert len(stored.asked) == 3  # all of them are in memory now
    assert first.fits.keys() < everything.fits.keys()


async def test_nothing_is_asked_for_where_nothing_can_be_fitted():
    stored = FakeFits()
    no_factors = dataclasses.replace(GIVEN, factors=None)
    no_history = dataclasses.replace(GIVEN, history=None)
    for inputs, needs in ((GIVEN, Needs(sessions=253)), (no_factors, FITS), (no_history, FITS)):
        assert (await KnownFits(stored).beside(inputs, needs)).fits is None
    assert stored.asked == []


async def test_prices_beyond_all_numbers_are_left_to_the_analysis():
    stored = FakeFits()
    closes = np.where(np.arange(253) % 2 == 0, 1e-200, 1e200)[:, None]
    one = bundled_book.inputs(weights={"AAPL": 1.0})
    beyond = dataclasses.replace(one, history=history_of(closes, one.book.followed_ids()))
    beyond = dataclasses.replace(beyond, factors=factor_history(bundled.funds(252)[:, :1], ["Market Beta"]))
    assert (await KnownFits(stored).beside(beyond, FITS)).fits is None
    large = np.full((253, 1), 1.0)
    large[100] = 1e300
    beyond = dataclasses.replace(beyond, history=history_of(large, one.book.followed_ids()))
    assert (await KnownFits(stored).beside(beyond, FITS)).fits == {}
    assert stored.added == []


async def test_fits_are_kept_in_the_database(database_url):
    database = Database(database_url("risk"), "risk", 2)
    stored = StoredFits(database)
    keys = list(fit_keys(RETURNS[:, :5], FACTORS))
    rows = dict(zip(keys, fit_rows(RETURNS[:, :5], FACTORS), strict=True))
    try:
        assert await stored.find(keys) == {}
        await stored.add(rows)
        await stored.add({keys[0]: rows[keys[1]]})  # a key fixes its numbers
        found = await stored.find([*keys[:3], "00" * 32])
    finally:
        await database.close()
    assert {key: row.tobytes() for key, row in found.items()} == {key: rows[key].tobytes() for key in keys[:3]}


async def test_the_service_keeps_the_fits_of_what_it_answers(fitted_stack):
    request = pb.GetFactorExposuresRequest(portfolio_id=PORTFOLIO_ID)
    await fitted_stack.analytics.GetFactorExposures(request, metadata=servers.metadata())
    read = fitted_stack.marketdata
    windows = windows_of(Inputs(book(ROWS), market(), history=read.history, factors=read.factors))
    database = Database(fitted_stack.settings.database_url, "risk", 2)
    try:
        assert set(await StoredFits(database).find(windows.keys)) == set(windows.keys)
    finally:
        await database.close()
    assert len(windows.keys) == 3
