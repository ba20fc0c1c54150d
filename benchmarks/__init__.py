"""How fast it is. Each script measures one thing and says on what machine; `python -m benchmarks` runs them all."""
