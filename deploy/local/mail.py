"""The mail server of the local platform: `python -m deploy.local.mail PORT FOLDER` keeps each mail as a file."""

import asyncio
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.ports import LOOPBACK
from libs.common.ids import new_id

LARGEST = 1_048_576


@dataclass(frozen=True)
class Sink:
    """Delivers nothing anywhere; the names of the files are in the order of their coming."""

    folder: Path

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        path = self.folder / f"{new_id()}.eml"
        draft = path.with_suffix(".draft")
        draft.write_bytes(envelope.original_content or b"")
        # Whoever waits for the mail never reads half of one.
        draft.replace(path)
        return "250 kept"


async def serve(port: int, folder: Path) -> None:
    """Until the program is told to end."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    sink = Sink(folder)
    server = await loop.create_server(lambda: SMTP(sink, data_size_limit=LARGEST), LOOPBACK, port)
    async with server:
        await ended.wait()


def main(port: int, folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    asyncio.run(serve(port, folder))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
