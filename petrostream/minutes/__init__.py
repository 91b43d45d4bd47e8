"""One-minute windows of a well, closed by the watermark.

A function of the scored stream, so that a retry writes the same minute again. Must not know where minutes
are stored. `minutes.codec` encodes the state as bytes.
"""

from petrostream.minutes.segments import WINDOW_MS
from petrostream.minutes.windows import Window, WindowState, open_windows, update_windows

__all__ = [
    "WINDOW_MS",
    "Window",
    "WindowState",
    "open_windows",
    "update_windows",
]
