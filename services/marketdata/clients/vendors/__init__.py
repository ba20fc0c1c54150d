"""Vendors of market data behind the ports, and the machinery that keeps their faults away from everybody else."""
