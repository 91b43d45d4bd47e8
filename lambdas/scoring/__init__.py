"""The scoring function: reads Kinesis records, delivers scored rows and quarantines bad lines."""
