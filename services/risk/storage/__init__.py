"""What the risk service keeps: the ledger of its results."""
