"""For developers: programs that generate and check files of the project."""
