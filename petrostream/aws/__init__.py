"""Adapters: the pipeline's ports on AWS, with time-outs, retries and limits of each service.

Must not decide anything about a reading. Import its modules one by one (`petrostream.aws.kinesis`), so that a
process loads only the clients it uses.
"""
