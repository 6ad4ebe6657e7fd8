"""A published system on your own pictures. `python launch/demo.py --help` has examples."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "posecap needs Python 3.11 or newer, this is %d.%d: install a newer Python"  # noqa: UP031
        % sys.version_info[:2]
    )

from posecap.launch.demo_command import app

if __name__ == "__main__":
    app()
