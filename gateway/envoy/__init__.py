"""Envoy's configuration, derived from the contract, and the Envoy that runs with it."""
