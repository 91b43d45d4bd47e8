"""The Firehose transform: checks the delivery contract and names the partition."""
