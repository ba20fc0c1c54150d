"""Use cases: the order in which a book and the market are read, and when an answer may be reused."""
