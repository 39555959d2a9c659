import hashlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from jgo.env import LockedDependency, LockFile
from jgo.maven import MavenContext, PythonResolver

from deploy.local.errors import PlatformError

LOCK = Path(__file__).with_name("kafka.lock.toml")
WANTED = ("org.apache.kafka:kafka_2.13:4.3.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!")
DOWNLOADS_AT_ONCE = 6


def resolve(cache: Path, lock: Path = LOCK) -> list[Path]:
    """The jars of the lock, downloaded into `cache` when absent, each compared with its sha256 in the lock.

    jgo's EnvironmentBuilder is passed over: it trusts whatever lies in its cache and, to sort jars into
    modules, wants a JDK of its own from outside the package registries.
    """
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    locked = LockFile.load(lock).dependencies
    missing = [jar for jar in locked if not (cache / _file_name(jar)).exists()]
    if missing:
        _download(missing, cache=cache)
    for jar in locked:
        _compare(jar, cache / _file_name(jar))
    return [cache / _file_name(jar) for jar in locked]


def write_lock(lock: Path = LOCK) -> None:
    with tempfile.TemporaryDirectory() as repository:
        context = MavenContext(repo_cache=Path(repository))
        inputs, transitive = PythonResolver().resolve([context.create_dependency(jar) for jar in WANTED])
        needed = [jar for jar in transitive if jar.scope in {"compile", "runtime"}]
        LockFile.from_resolved_dependencies([*inputs, *needed]).save(lock)


def _download(jars: list[LockedDependency], *, cache: Path) -> None:
    # Beside the cache first: a download cut short must never be found in it.
    incoming = Path(tempfile.mkdtemp(prefix="incoming-", dir=cache))
    try:
        context = MavenContext(repo_cache=incoming, timeout=60)
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            list(pool.map(lambda jar: _fetch(jar, context=context, cache=cache), jars))
    except (requests.RequestException, RuntimeError) as error:
        raise PlatformError(
            f"Kafka's jars could not be downloaded ({type(error).__name__}): check the network and start again."
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _fetch(jar: LockedDependency, *, context: MavenContext, cache: Path) -> None:
    component = context.project(jar.groupId, jar.artifactId).at_version(jar.version)
    path = Path(component.artifact(jar.classifier or "", jar.packaging).resolve())
    _compare(jar, path)
    path.replace(cache / _file_name(jar))


def _compare(jar: LockedDependency, path: Path) -> None:
    if hashlib.sha256(path.read_bytes()).hexdigest() != jar.sha256:
        raise PlatformError(
            f"{path.name} is not the file that {LOCK.name} pins (its sha256 differs): "
            f"delete {path} and start again; if it differs once more, do not use it."
        )


def _file_name(jar: LockedDependency) -> str:
    return f"{jar.groupId}.{jar.artifactId}-{jar.version}.jar"


if __name__ == "__main__":
    write_lock()
