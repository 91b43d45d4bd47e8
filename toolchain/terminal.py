"""What every command prints in the same way: an error, with what to do about it."""

from rich.console import Console

from petrostream.names import shown

LINE_FEED = "\n"


def print_error(message: str, hint: str = "") -> None:
    """Print an error on standard error, unwrapped, and what to do about it.

    The message may hold text from outside (a well's name, the words of a service): control characters other
    than line feeds are escaped.
    """
    console = Console(stderr=True, highlight=False, markup=False)
    console.print(shown(message, keep=LINE_FEED), style="red", soft_wrap=True)
    if hint:
        console.print(shown(hint, keep=LINE_FEED), soft_wrap=True)
