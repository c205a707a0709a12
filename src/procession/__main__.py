"""`python -m procession` is the command `procession`."""

import sys

from procession import cli

if __name__ == "__main__":
    sys.exit(cli.main())
