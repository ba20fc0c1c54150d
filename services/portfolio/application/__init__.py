"""Use cases: what joins two ports, or takes a decision."""
