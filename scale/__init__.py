"""What a million readings a second takes: measured speeds and sizes, a simulation, AWS's quotas, the bill."""
