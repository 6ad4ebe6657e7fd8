"""Print the pose topic as JSON lines: one object for each message, unknown numbers as null.

Needs numpy, msgspec and pyzmq only; on a laptop: `pip install numpy msgspec pyzmq && pip install --no-deps posecap`.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "posecap needs Python 3.11 or newer, this is %d.%d: install a newer Python"  # noqa: UP031
        % sys.version_info[:2]
    )

import argparse
import os
from pathlib import Path

import msgspec

from posecap.runtime.client import DEFAULT_ENDPOINT, PoseSubscriber
from posecap.runtime.errors import RuntimeFault
from posecap.runtime.messages import PoseMessage

_EXAMPLES = """examples:
  python launch/subscribe.py                                   refined poses of this host, until Ctrl-C
  python launch/subscribe.py --stage instant --count 1         one pose of stage 1
  python launch/subscribe.py --endpoint tcp://capture-pc:5570 --server-key capture.key
"""


def main() -> None:
    """Print until Ctrl-C, `--count` messages, or a closed pipe."""
    options = _options()
    try:
        with PoseSubscriber(options.endpoint, options.stage, options.server_key) as poses:
            count = 0
            while options.count == 0 or count < options.count:
                message = poses.read(options.timeout)
                sys.stdout.buffer.write(json_line(message))
                sys.stdout.buffer.flush()
                count += 1
    except RuntimeFault as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to be flushed


def json_line(message: PoseMessage) -> bytes:
    """The header, with joints by name in each person: xyz (m), covariance (m^2), residual (px), views."""
    header = msgspec.to_builtins(message.header)
    for row, person in enumerate(header["people"]):
        person["joints"] = {
            name: {
                "xyz": message.xyz[row, joint].tolist(),
                "covariance": message.covariance[row, joint].tolist(),
                "residual_px": float(message.residual_px[row, joint]),
                "views": int(message.views[row, joint]),
            }
            for joint, name in enumerate(header["joints"])
        }
    del header["joints"]
    return msgspec.json.encode(header) + b"\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Print poses as JSON lines.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--endpoint", default=DEFAULT_ENDPOINT, help="where poses are published")
    parser.add_argument(
        "--stage", choices=("refined", "instant"), default="refined", help="smoothed, or each set for itself"
    )
    parser.add_argument("--count", type=int, default=0, help="end after so many messages; 0 = never")
    parser.add_argument("--timeout", type=float, default=None, help="seconds to wait for a message")
    parser.add_argument("--server-key", type=Path, default=None, help="public CURVE key of the publisher")
    return parser.parse_args()


if __name__ == "__main__":
    main()
