"""Tools that deployments and the local twin share; knows no stack and no emulator process."""
