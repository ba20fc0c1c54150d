"""The risk service: what the positions of a portfolio amount to.

It stores no positions and no prices; it reads a book from portfolio and marks from marketdata, both pinned to one
revision, one session and one version, and hands arrays to `riskmath`.
"""
