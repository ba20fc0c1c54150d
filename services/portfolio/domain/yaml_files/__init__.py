"""The files of the earlier file-based system: portfolio.yaml, risk_limits.yaml and cash_map.yaml."""
