"""The subscriber over real sockets, and what it needs installed."""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import zmq
from test_messages import pose_message, stats_message

from posecap.runtime.client import PoseSubscriber, Subscriber, age_s
from posecap.runtime.errors import EndpointError, StalePose, WireError
from posecap.runtime.messages import PoseMessage, StatsMessage
