"""Options that a request describes: published values, models, implied volatilities, and what is refused."""

import math

import grpc
import msgspec
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.risk.v1 import analytics_service_pb2 as pb
from riskmath.american import american
from riskmath.options import PUT
from services.risk.domain.option_pricing import NAMES, SAME_PRICE, OptionToPrice, price_options
from services.risk.domain.result_id import MODEL_VERSION
from tests.services.risk import servers
from tests.services.risk.conftest import refused
from tests.services.risk.test_domain import numbers_in

HULL = {"right": "C", "spot": 49.0, "strike": 50.0, "years_to_expiry": 0.3846, "rate": 0.05, "style": "european"}
DEEP_PUT = {"right": "P", "spot": 80.0, "strike": 100.0, "years_to_expiry": 0.5, "rate": 0.05}
OPTION = {"label": "", "is_call": False, "is_american": True, "spot": 80.0, "strike": 100.0, "years_to_expiry": 0.5}
OPTION |= {"rate": 0.05, "dividend_yield": 0.0, "volatility": None, "price": None}


def priced(**changes):
    (found,) = price_options([OptionToPrice(**OPTION | changes)])
    return found


async def calculate(stack, *options, **request):
    asked = ParseDict({"options": list(options), **request}, pb.CalculateGreeksRequest())
    return await stack.analytics.CalculateGreeks(asked, metadata=servers.metadata())


async def test_hulls_example_over_the_wire(stack):
    answer = await calculate(stack, {**HULL, "label": "Hull", "volatility": 0.2}, {**DEEP_PUT, "volatility": 0.3})
    call, put = (MessageToDict(one, preserving_proto_field_name=True) for one in answer.options)
    assert (call["label"], call["available"], call["volatility"], call["volatility_source"]) == (
        "Hull", True, 0.2, "stated"
    )  # fmt: skip
    assert call["delta"] == pytest.approx(0.522, abs=5e-4)
    assert call["gamma"] == pytest.approx(0.066, abs=6e-4)
    assert 365 * call["theta"] == pytest.approx(-4.31, abs=5e-3)
    assert 100 * call["vega"] == pytest.approx(12.1, abs=5e-2)
    assert 100 * call["rho"] == pytest.approx(8.91, abs=5e-3)
    columns = {name: [OPTION[name]] for name in ("spot", "strike", "years_to_expiry", "rate", "dividend_yield")}
    early = american(**columns, volatility=[0.3], right=[PUT])
    assert {name: put[name] for name in NAMES} == {name: pytest.approx(getattr(early, name)[0]) for name in NAMES}
    assert answer.model_version == MODEL_VERSION
    assert answer.served.elapsed_ms > 0.0


@settings(max_examples=40, deadline=None)
@given(st.booleans(), st.booleans(), st.floats(70.0, 130.0), st.floats(0.1, 1.5))
def test_the_volatility_that_a_price_implies_is_the_one_that_made_it(is_call, is_american, strike, volatility):
    terms = {"is_call": is_call, "is_american": is_american, "spot": 100.0, "strike": strike}
    made = priced(**terms, volatility=volatility)
    intrinsic = max((100.0 - strike) if is_call else (strike - 100.0), 0.0)
    if made.price - intrinsic > 1e-4:
        found = priced(**terms, price=made.price)
        assert found.volatility_source == "price"
        assert found.price == pytest.approx(made.price, rel=1e-8, abs=SAME_PRICE * strike)
        if made.vega > 0.01:  # else the price says little of the volatility
            assert found.volatility == pytest.approx(volatility, rel=1e-6)
            assert found.delta == pytest.approx(made.delta, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": 19.99}, "price_at_or_below_intrinsic_value"),
        ({"price": 20.0}, "price_at_or_below_intrinsic_value"),
        ({"price": 100.0}, "price_too_high"),
        ({"volatility": 0.3, "years_to_expiry": 0.0}, "expired"),
        ({"price": 5.0, "years_to_expiry": -0.1}, "expired"),
        ({"volatility": 1e-9, "years_to_expiry": 1e-6}, "too_close_to_expiry"),
    ],
)
def test_no_number_but_a_reason(changes, reason):
    found = priced(**changes)
    assert (found.available, found.reason) == (False, reason)
    assert {getattr(found, name) for name in (*NAMES, "volatility")} == {None}


def test_each_option_answers_in_its_place_whatever_the_others():
    live = OptionToPrice(**OPTION | {"label": "live", "volatility": 0.3})
    gone = OptionToPrice(**OPTION | {"label": "gone", "volatility": 0.3, "years_to_expiry": 0.0})
    quoted = OptionToPrice(**OPTION | {"label": "quoted", "price": 21.0})
    found = price_options([gone, live, quoted, live, gone])
    assert [(one.label, one.available) for one in found] == [
        ("gone", False), ("live", True), ("quoted", True), ("live", True), ("gone", False)
    ]  # fmt: skip
    assert found[1] == found[3]


async def test_an_expiry_is_counted_from_the_day_that_is_stated(stack):
    dated = {name: value for name, value in DEEP_PUT.items() if name != "years_to_expiry"} | {"volatility": 0.3}
    answer = await calculate(
        stack, *({**dated, "expiry_date": day} for day in ("2023-06-28", "2022-12-28")), as_of_date="2022-12-28"
    )
    live, gone = answer.options
    assert live.price == priced(volatility=0.3, years_to_expiry=182 / 365).price
    assert (gone.available, gone.reason, gone.HasField("price")) == (False, "expired", False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"spot": 0.0}, "options[0].spot"),
        ({"spot": -1.0}, "options[0].spot"),
        ({"spot": 1e-300, "strike": 1e9}, "options[0].spot"),
        ({"strike": 0.0}, "options[0].strike"),
        ({"strike": 1e-10}, "options[0].strike"),
        ({"volatility": 0.0}, "options[0].volatility"),
        ({"volatility": -0.2}, "options[0].volatility"),
        ({"years_to_expiry": 0.0}, "options[0].years_to_expiry"),
        ({"years_to_expiry": -1.0}, "options[0].years_to_expiry"),
        ({"spot": "NaN"}, "options[0].spot"),
        ({"rate": "Infinity"}, "options[0].rate"),
        ({"right": "X"}, "options[0].right"),
        ({"price": 21.0}, "options[0].volatility"),
        ({"volatility": None}, "options[0].volatility"),
        ({"years_to_expiry": None}, "options[0].years_to_expiry"),
        ({"expiry_date": "2023-06-28"}, "options[0].years_to_expiry"),
        ({"expiry_date": "2023-06-28", "years_to_expiry": None}, "as_of_date"),
        ({"expiry_date": "2023-02-30", "years_to_expiry": None}, "options[0].expiry_date"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(stack, changes, field):
    option = {name: value for name, value in (DEEP_PUT | {"volatility": 0.3} | changes).items() if value is not None}
    code, reason, fields = await refused(calculate(stack, option))
    assert (code, reason, set(fields)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", {field})


async def test_the_list_is_bounded(stack):
    many = [{**DEEP_PUT, "volatility": 0.3}] * 1001
    assert (await refused(calculate(stack, *many)))[2] == ["options"]
    assert (await refused(calculate(stack)))[2] == ["options"]


numbers = st.floats(1e-9, 1e9)
anything = st.fixed_dictionaries(
    {
        "is_call": st.booleans(),
        "is_american": st.booleans(),
        "spot": numbers,
        "strike": numbers,
        "years_to_expiry": st.floats(-1.0, 10.0),
        "rate": st.floats(-1.0, 1.0),
        "dividend_yield": st.floats(-1.0, 1.0),
    }
)


@settings(max_examples=60, deadline=None)
@given(anything, st.floats(1e-9, 5.0), st.none() | numbers)
def test_every_number_is_finite(terms, volatility, price):
    found = priced(**terms, volatility=None if price else volatility, price=price)
    assert all(math.isfinite(number) for number in numbers_in(msgspec.to_builtins(found)))
    assert found.available == (not found.reason)
