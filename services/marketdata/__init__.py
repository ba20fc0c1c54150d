"""The marketdata service: what instruments are, and what they were worth.

It calls nobody but vendors. History is append-only: a correction is a new row under a higher data_version, and every
earlier version can be read again.
"""
