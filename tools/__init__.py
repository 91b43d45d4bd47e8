"""For developers: writes and checks what the project keeps beside its code."""
