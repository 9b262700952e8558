"""The doctor: look everything over, change nothing, and say of each problem how to mend it.

It may run beside the daemon: it takes no lock, opens a SQLite file for reading only, and asks the daemon through its
socket. What is missing is said to be missing and is not made. A question that cannot be answered is a finding, never
an exception: the next one is asked all the same, and a plugin that hangs or breaks harms only its own line.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import structlog
import trio

from fluentsd.api import Finding
from fluentsd.clock import SystemClock
from fluentsd.config import ChannelSettings, Settings
from fluentsd.doctor_data import Database, ask_file, ask_server, findings_on
from fluentsd.domain.zones import year_of
