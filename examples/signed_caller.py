"""Calls the API of the scoring service in the name of an IAM role, without a key.

    python examples/signed_caller.py https://lake.example.org/v1/alarms --service wells-prod

Credentials and region come from the environment, as for every AWS client; the region is the service's.
"""

import argparse
import sys
import urllib.error
import urllib.request

import boto3

from petrostream.aws.caller_token import caller_token
from petrostream.errors import SettingInvalid
from toolchain.version_option import add_version

SECONDS = 30


def main() -> None:
    """Call, and print what the API answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url", help="https://… of the API; plain http on this machine alone")
    parser.add_argument("--service", required=True, help="name of the service: its API_IAM_SERVICE")
    add_version(parser)
    arguments = parser.parse_args()
    try:
        print(call(arguments.url, arguments.service).decode())
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {error.read().decode()}")
    except (OSError, SettingInvalid) as error:
        sys.exit(str(error))


def call(url: str, service: str, session: boto3.Session | None = None) -> bytes:
    """The API's answer to a GET. A token is good for five minutes: keep it for further calls."""
    if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise SettingInvalid("url", url, "https://…: whoever sees a token can use it until it expires")
    bearer = {"Authorization": f"Bearer {caller_token(service, session)}"}
    request = urllib.request.Request(url, headers=bearer)  # noqa: S310 - checked above
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return bytes(answer.read())


if __name__ == "__main__":
    main()
