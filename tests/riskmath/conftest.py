"""How properties are tried here: on a machine that others use too, how long one takes says nothing."""

from hypothesis import settings

settings.register_profile("riskmath", deadline=None)
settings.load_profile("riskmath")
