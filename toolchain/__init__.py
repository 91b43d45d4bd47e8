"""Tools that deployments and the local twin share; must not know stacks or the emulator's process."""
