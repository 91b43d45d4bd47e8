"""Settings that all tests share."""

from hypothesis import settings

# A deadline would be an assertion about time, and those fail on a busy machine for no fault of the code.
settings.register_profile("petrostream", deadline=None)
settings.load_profile("petrostream")
