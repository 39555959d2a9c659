"""Mail by SMTP, in the person's language, with neither a link nor a code in its subject."""

import asyncio
import ssl
from email.message import EmailMessage

import aiosmtplib

from services.auth.parts import Parts
from services.auth.second_factor.rules import EMAILED_LIFE, MailNotSent
from services.auth.settings import AuthSettings


async def send_code(parts: Parts, *, address: str, language: str, code: str) -> None:
    """Raises MailNotSent."""
    shown = f"{code[:4]} {code[4:]}"
    minutes = int(EMAILED_LIFE.total_seconds()) // 60
    subject, _, body = parts.pages.text(
        "emailed_code.txt", language=language, code=shown, minutes=minutes
    ).partition("\n")
    message = EmailMessage()
    message["From"] = parts.settings.smtp_from
    message["To"] = address
    message["Subject"] = subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.strip() + "\n")
    await _send(parts.settings, message)


async def _send(settings: AuthSettings, message: EmailMessage) -> None:
    password = settings.smtp_password_file
    try:
        # The library would give the time to each of its commands anew.
        async with asyncio.timeout(settings.smtp_timeout_seconds):
            await aiosmtplib.send(
                message,
                hostname=settings.smtp_host,
                port=settings.smtp_port,
                use_tls=settings.smtp_tls == "tls",
                start_tls=settings.smtp_tls == "starttls",
                tls_context=None
                if settings.smtp_tls == "none"
                else ssl.create_default_context(cafile=settings.smtp_ca_file),
                username=settings.smtp_user,
                password=None if password is None else password.read_text(encoding="utf-8").strip(),
            )
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        # The library's words may hold the address; its kind is enough for the operator.
        raise MailNotSent(retry_after=60) from error
