"""moto's `mock_aws`, whose S3 reads the list of its addresses once.

moto reads that list's module from disk again at every call of S3, in case a variable of the environment has
changed the addresses since. No test changes it, and it took as long as all the rest of the call.
"""

import moto.s3.urls
from moto import mock_aws
from moto.s3.models import S3Backend

__all__ = ["mock_aws"]

S3Backend._url_module = property(lambda _: moto.s3.urls)
