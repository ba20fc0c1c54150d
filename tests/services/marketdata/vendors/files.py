"""The small market as an operator's own files."""

from pathlib import Path

from tests.services.marketdata.vendors import market

YIELDS = """Date,1 Mo,3 Mo,2 Yr,10 Yr,30 Yr
12/28/2022,,4.46,4.31,3.88,3.98
12/27/2022,,4.46,4.32,3.84,3.93
"""
INSTRUMENTS = """symbol,kind,name,exchange,currency,sector,industry
AAPL,STOCK,Apple Inc.,XNAS,USD,Information Technology,Hardware
ko,stock,The Coca-Cola Company,XNYS,,Consumer Staples,Soft Drinks
"""


def bars() -> str:
    rows = [
        f"{symbol},{bar.day},{bar.open},{bar.high},{bar.low},{bar.close},{bar.volume}"
        for symbol, history in market.BARS.items()
        for bar in reversed(history)
    ]
    return "\n".join(["Symbol,Date,Open,High,Low,Close,Volume", *rows]) + "\n"


def actions() -> str:
    splits = [f"{symbol},{day},split,{new / old}" for symbol, rows in market.SPLITS.items() for day, old, new in rows]
    paid = [f"{symbol},{day},Dividend,{amount}" for symbol, rows in market.DIVIDENDS.items() for day, amount in rows]
    return "\n".join(["symbol,ex_date,kind,value", *splits, *paid]) + "\n"


def write(folder: Path) -> Path:
    """Write the files, and give their folder."""
    contents = {"bars": bars(), "actions": actions(), "yields": YIELDS, "instruments": INSTRUMENTS}
    for name, text in contents.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder
