"""Use cases: what takes a decision, or joins a provider with the database."""
