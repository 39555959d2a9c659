import asyncio
import signal
import sys
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib

from deploy.local import ports


async def test_each_mail_is_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    port, folder = ports.free().mail, tmp_path / "mails"
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.local.mail", str(port), str(folder), stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            while ports.is_free(port):
                assert program.returncode is None
                await asyncio.sleep(0.05)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "a@localhost", "b@example.org", "été"
        message.set_content("deux lignes\net une autre")
        await aiosmtplib.send(message, hostname="127.0.0.1", port=port, start_tls=False)
        (kept,) = folder.glob("*.eml")
        assert message_from_bytes(kept.read_bytes())["To"] == "b@example.org"
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        program.send_signal(signal.SIGTERM)
        assert await program.wait() == 0
