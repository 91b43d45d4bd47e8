"""The scoring function: Kinesis in, scored rows and quarantine out."""
