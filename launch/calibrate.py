"""Calibrating cameras: lenses, places, checks and boards. `python launch/calibrate.py --help` has examples."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "posecap needs Python 3.11 or newer, this is %d.%d: install a newer Python"  # noqa: UP031
        % sys.version_info[:2]
    )


def main() -> None:
    """Run the command; nothing heavy is imported before, since every child process reads this file."""
    from posecap.launch.calibrate_command import app

    app()


if __name__ == "__main__":
    main()
