"""What no file of the project may hold."""

import re

SECRET = re.compile(
    r"AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|aws_secret_access_key|aws_access_key_id|\b(?:UID|PWD)\s*=|SessionToken"
    r"|password|secureJsonData|BEGIN [A-Z ]*PRIVATE KEY|(?<![\w/+])[A-Za-z0-9/+]{40}(?![\w/+=])",
    re.I,
)
"""Access keys, secret keys by their length and alphabet, and settings that carry one."""

ACCOUNT = re.compile(r"(?<![\w-])\d{12}(?!\w)")
"""Numbers of AWS accounts."""
