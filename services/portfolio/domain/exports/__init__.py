"""Portfolios and trades as files for other programs."""
