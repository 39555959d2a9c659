from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from libs.common.settings import ServiceSettings, is_loopback
from services.auth.pages import Support
from services.auth.signing_key.rules import Schedule
from services.auth.user_code.disuse_rules import Ages
from services.auth.user_code.password_rules import FEWEST_ALONE, FEWEST_WITH_SECOND_FACTOR, Aging, Demands


class AuthSettings(ServiceSettings):
    """Settings of auth alone. Each key file holds 32 bytes in base64."""

    sealing_key_file: Path = Field(description="key that seals private keys and one-time-code secrets at rest")
    pepper_key_file: Path = Field(description="key of the HMAC over passwords before they are hashed")
    pairwise_key_file: Path = Field(description="key from which departments' names of persons are derived")
    keys_dir: Path = Field(Path(), description="where `install` looks up key and secret files")

    signing_key_days: int = Field(90, ge=1, description="time from one signing key to the next, days")
    signing_key_notice_hours: int = Field(24, ge=1, description="time a key is published before it signs, hours")
    signing_key_kept_hours: int = Field(24, ge=1, description="time a key stays published after it signed, hours")

    argon2_memory_kib: int = Field(19_456, ge=8, description="memory of one password hash, KiB")
    argon2_passes: int = Field(2, ge=1, description="passes of one password hash")
    argon2_lanes: int = Field(1, ge=1, description="lanes of one password hash")
    hashing_threads: int = Field(2, ge=1, le=64, description="password hashes made at once")
    hashing_queue: int = Field(32, ge=0, description="password hashes that may wait; beyond, sign-in answers 503")

    one_time_password_days: int = Field(30, ge=1, description="life of a one-time password from activation, days")
    pending_code_hours: int = Field(24, ge=1, description="life of a code that no event names, hours")
    dormant_code_days: int = Field(730, ge=1, description="life of codes after their registration ended, days")
    session_idle_minutes: int = Field(30, ge=1, description="life of a session without use, minutes")
    session_longest_hours: int = Field(10, ge=1, description="life of a session, hours")
    session_record_days: int = Field(30, ge=1, description="time an ended session and its address are kept, days")
    sign_in_minutes: int = Field(15, ge=1, description="time to complete a sign-in, minutes")

    incident_silence_hours: int = Field(
        24, ge=1, description="time after which an incident goes to the provider by itself, hours"
    )

    previous_pepper_key_files: str = Field(
        "",
        description="files of earlier pepper keys, separated by commas: their hashes are verified, then renewed",
    )
    password_days: int = Field(365, ge=1, description="life of a chosen password, days")
    password_days_second_factor: int = Field(
        730, ge=1, description="life of a chosen password beside a second factor, days"
    )
    password_warning_days: int = Field(14, ge=0, description="time before its end a password is due soon, days")
    password_history: int = Field(10, ge=0, le=24, description="former passwords that may not be chosen again")
    password_guesses: float = Field(
        10, ge=8, le=20, description="guesses that a password withstands at least, powers of ten"
    )
    password_guesses_second_factor: float = Field(
        7, ge=6, le=20, description="the same beside a second factor, powers of ten"
    )
    breached_passwords_file: Path | None = Field(
        None, description="what `breached-passwords import` makes; none: the few shipped passwords alone"
    )

    @property
    def password_aging(self) -> Aging:
        return Aging(
            alone=timedelta(days=self.password_days),
            with_second_factor=timedelta(days=self.password_days_second_factor),
            warning=timedelta(days=self.password_warning_days),
        )

    def password_demands(self, *, has_second_factor: bool) -> Demands:
        if has_second_factor:
            return Demands(FEWEST_WITH_SECOND_FACTOR, self.password_guesses_second_factor)
        return Demands(FEWEST_ALONE, self.password_guesses)

    @property
    def previous_pepper_keys(self) -> list[Path]:
        return [Path(one.strip()) for one in self.previous_pepper_key_files.split(",") if one.strip()]

    outbound_ca_file: Path | None = Field(None, description="CA bundle for clients' addresses; none: the system's")
    outbound_allows_loopback: bool = Field(
        default=False, description="whether clients' addresses may be on loopback; serves tests"
    )
    smtp_host: str | None = Field(None, description="mail server for one-time codes; none: codes are not sent")
    smtp_port: int = Field(587, ge=1, le=65_535, description="port of the mail server")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls, tls from the first byte, or none for a loopback address only"
    )
    smtp_from: str = Field("no-reply@localhost", description="address that mails come from")
    smtp_ca_file: Path | None = Field(None, description="CA bundle of the mail server; none: the system's")
    smtp_user: str | None = Field(None, description="user name at the mail server; none: without signing in")
    smtp_password_file: Path | None = Field(None, description="file with the password at the mail server")
    smtp_timeout_seconds: float = Field(5, gt=0, description="deadline of sending one mail, seconds")

    @model_validator(mode="after")
    def _mail_in_clear_only_on_loopback(self) -> Self:
        if self.smtp_host and self.smtp_tls == "none" and not is_loopback(self.smtp_host):
            raise ValueError("mail without TLS is accepted on a loopback address only")
        return self

    @model_validator(mode="after")
    def _mail_user_has_a_password(self) -> Self:
        if (self.smtp_user is None) is not (self.smtp_password_file is None):
            raise ValueError("smtp_user and smtp_password_file are set together or not at all")
        return self

    @model_validator(mode="after")
    def _a_second_factor_shortens_nothing(self) -> Self:
        if self.password_days_second_factor < self.password_days:
            raise ValueError("password_days_second_factor must not be less than password_days")
        return self

    support_telephone: str = Field(
        "",
        pattern=r"^(\+?[0-9][0-9() .-]{5,24})?$",
        description="whom people call, as it is dialled; none: not told",
    )
    support_hours_fr: str = Field("", max_length=200, description="when somebody answers there, in French")
    support_hours_en: str = Field("", max_length=200, description="when somebody answers there, in English")

    @property
    def support(self) -> Support:
        return Support(self.support_telephone, {"fr": self.support_hours_fr, "en": self.support_hours_en})

    disuse_warning_days: str = Field(
        "300,350",
        pattern=r"^([1-9][0-9]{0,3}(,[1-9][0-9]{0,3})*)?$",
        description="ages since its last use at which a code's person is warned, ascending, days",
    )
    disuse_hold_days: int = Field(365, ge=1, description="age since its last use at which a code is held, days")

    @property
    def disuse_ages(self) -> Ages:
        warnings = sorted(int(one) for one in self.disuse_warning_days.split(",") if one)
        before = tuple(timedelta(days=one) for one in warnings if one < self.disuse_hold_days)
        return Ages(before, timedelta(days=self.disuse_hold_days))

    @property
    def signing_key_schedule(self) -> Schedule:
        return Schedule(
            every=timedelta(days=self.signing_key_days),
            notice=timedelta(hours=self.signing_key_notice_hours),
            kept=timedelta(hours=self.signing_key_kept_hours),
        )
