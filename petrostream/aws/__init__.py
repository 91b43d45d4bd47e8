"""Adapters: AWS behind the pipeline's ports, with the time-outs, retries and limits of each service.

Must not decide anything about a reading. Imported module by module (`petrostream.aws.kinesis`), so that a
process loads only the clients it uses.
"""
