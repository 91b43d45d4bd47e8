"""The program that has a port is named."""

import os
import socket
from pathlib import Path

import pytest

from local import ports


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="processes are listed by /proc, on Linux")
def test_a_file_that_is_closed_meanwhile_does_not_hide_the_others_of_its_process():
    spare = os.open(os.devnull, os.O_RDONLY)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        # The list of this process's files has the one it is read from, in this place, before the socket.
        os.close(spare)
        owner = ports.owner(listener.getsockname()[1])
    assert owner is not None
    assert owner.endswith(f"(process {os.getpid()})")
