"""Settings that all tests share."""

import signal

from hypothesis import settings

# A deadline would be an assertion about time, and those fail on a busy machine for no fault of the code.
settings.register_profile("petrostream", deadline=None)
settings.load_profile("petrostream")

# What a shell's `&` starts ignores SIGINT, and hands that down: no test could interrupt anything.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
