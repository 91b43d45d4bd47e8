"""The raw copy: puts the records of the stream on the Firehose of the raw zone, as they are."""
