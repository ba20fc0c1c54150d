"""QuantLib's American engines as oracles: one option at a time, flat rates and volatility, whole days."""

import QuantLib

TODAY = QuantLib.Date(15, 6, 2020)
DAYS = QuantLib.Actual365Fixed()


class Oracle:
    """Prices of options by an engine: `plus` is QD+, `fixed_point` its refinement."""

    def __init__(self, engine):
        QuantLib.Settings.instance().evaluationDate = TODAY
        self._quotes = {name: QuantLib.SimpleQuote(0.1) for name in ("spot", "volatility", "rate", "dividend_yield")}
        handles = {name: QuantLib.QuoteHandle(quote) for name, quote in self._quotes.items()}
        volatility = QuantLib.BlackConstantVol(TODAY, QuantLib.NullCalendar(), handles["volatility"], DAYS)
        process = QuantLib.BlackScholesMertonProcess(
            handles["spot"],
            QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(TODAY, handles["dividend_yield"], DAYS)),
            QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(TODAY, handles["rate"], DAYS)),
            QuantLib.BlackVolTermStructureHandle(volatility),
        )
        self._engine = {
            "plus": lambda: QuantLib.QdPlusAmericanEngine(process),
            "fixed_point": lambda: QuantLib.QdFpAmericanEngine(process),
            "finite_differences": lambda: QuantLib.FdBlackScholesVanillaEngine(process, 800, 800),
        }[engine]()

    def price(self, spot, strike, years_to_expiry, volatility, rate, dividend_yield, right):
        """The price of one option, its terms in the order of TERMS."""
        for name, value in (
            ("spot", spot),
            ("volatility", volatility),
            ("rate", rate),
            ("dividend_yield", dividend_yield),
        ):
            self._quotes[name].setValue(value)
        kind = QuantLib.Option.Call if right > 0.0 else QuantLib.Option.Put
        exercise = QuantLib.AmericanExercise(TODAY, TODAY + round(years_to_expiry * 365.0))
        option = QuantLib.VanillaOption(QuantLib.PlainVanillaPayoff(kind, strike), exercise)
        option.setPricingEngine(self._engine)
        return option.NPV()
