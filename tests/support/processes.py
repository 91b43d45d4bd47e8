"""Starting processes that a test will interrupt."""

import signal


def hear_interrupts() -> None:
    """For `preexec_fn`: a process started by a shell's `&` ignores SIGINT, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
