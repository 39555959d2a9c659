from libs.common.settings import ServiceSettings


class MailboxSettings(ServiceSettings):
    """What every service reads; mailbox needs nothing else."""
