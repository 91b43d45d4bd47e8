"""The local twin: the same stack on an emulator, on loopback, without an account."""
