"""The reasons that the services give for a missing figure, in words."""

WORDS = {
    "no_price": "no price is known",
    "no_underlying_price": "no price of its underlying is known",
    "no_volatility": "nothing tells its volatility",
    "no_delta": "nothing tells how it moves with its underlying",
    "no_fx_rate": "no exchange rate is known",
    "cash_unknown": "no cash was stated for a book with shorts or written options",
    "no_market_data": "less than half of the gross exposure has a price",
}


def in_words(reason: str) -> str:
    """A reason as a clause. One that this report does not know is shown as it came."""
    return WORDS.get(reason, reason.replace("_", " "))
