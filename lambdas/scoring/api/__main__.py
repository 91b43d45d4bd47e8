"""`python -m lambdas.scoring.api`: serve the API alone, on loopback unless keys are set."""

import os
import sys

from lambdas.scoring.api.gauges import Gauges
from lambdas.scoring.api.server import ApiSettings, server
from petrostream.aws.settings import ConsumerSettings
from petrostream.errors import SettingInvalid


def main() -> None:
    """Serve until SIGTERM or Ctrl-C; requests in work are finished first."""
    try:
        settings = ConsumerSettings.from_environment(os.environ)
        api = ApiSettings.from_environment(os.environ)
    except SettingInvalid as error:
        sys.exit(str(error))
    server(settings, api, Gauges()).run()


if __name__ == "__main__":
    main()
