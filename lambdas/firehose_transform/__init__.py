"""The Firehose transform: checks blocks of rows and returns their date partition."""
