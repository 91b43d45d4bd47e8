"""Errors on the terminal: whole, with their remedy, and without control characters from outside."""

from toolchain.terminal import print_error


def test_an_error_is_printed_unwrapped_with_its_remedy_on_standard_error(capsys):
    print_error("first line " + "x" * 300 + "\nsecond [red]line[/]", "Try again.")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["first line " + "x" * 300, "second [red]line[/]", "Try again."]


def test_an_error_that_quotes_a_name_from_outside_steers_no_terminal(capsys):
    print_error("there is no well \x1b]0;owned\x07\x9b31m\u202e\r")
    err = capsys.readouterr().err
    assert err == "there is no well \\x1b]0;owned\\x07\\x9b31m\\u202e\\r\n"
