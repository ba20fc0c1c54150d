"""The reasons that the services give for a missing figure, in words."""

WORDS = {
    "no_price": "no price is known",
    "no_underlying_price": "no price of its underlying is known",
    "no_volatility": "nothing tells its volatility",
    "no_delta": "nothing tells how it moves with its underlying",
    "no_fx_rate": "no exchange rate is known",
    "cash_unknown": "no cash was stated for a book with shorts or written options",
    "no_market_data": "less than half of the gross exposure has a price",
    "no_exposure": "there are no positions",
    "no_yields": "no Treasury yields are known",
    "no_history": "no history of it is known",
    "no_proxy": "no fund stands for it",
    "no_factor_data": "nothing stands for the market",
    "no_benchmark_data": "nothing stands for the market",
    "factor_inactive": "no fund stands for a factor that it names",
    "not_for_all": "snapshots are taken of one portfolio each",
    "no_snapshots": "no snapshot of the portfolio was ever taken",
    "insufficient_snapshots": "the snapshots do not reach back so far",
    "insufficient_history": "its history is too short",
    "insufficient_overlap": "histories are too short, or share too few sessions",
    "insufficient_symbols": "there are fewer than two symbols that are large enough and have a history",
    "too_many_symbols": "more than 1,000 symbols are large enough",
    "no_calculation_available": "there are fewer than two symbols that are large enough and have a history",
    "net_asset_value_not_positive": "net asset value is not above 0",
    "no_net_asset_value": "net asset value is not above 0",
    "loss_beyond_value": "a session lost more than all",
    "number_out_of_range": "its prices together are beyond what a number can hold",
    "no_portfolio": "there is no portfolio",
}


def in_words(reason: str) -> str:
    """A reason as a clause. One that this report does not know is shown as it came."""
    return WORDS.get(reason, reason.replace("_", " "))
