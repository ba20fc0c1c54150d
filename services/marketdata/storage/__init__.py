"""The schema `marketdata`, and the SQL that reads and writes it."""
