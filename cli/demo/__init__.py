"""`plimsoll demo`: the whole stack, three portfolios of real prices, their risk report, and how to go on from there."""
