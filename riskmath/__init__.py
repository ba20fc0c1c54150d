"""Risk mathematics: arrays in, arrays out.

No input or output, no clock, no names of instruments. Import the subject that is needed (`from riskmath import
exposure`), so that a program which values a book does not pay for the imports of an optimiser.
"""
