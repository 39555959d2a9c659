import errno
import os

DISK_FULL = "The disk is full: free some space and start again."


class PlatformError(Exception):
    """One sentence that tells the operator what is wrong and what to do; shown without a stack trace."""


def sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DISK_FULL
    if isinstance(error, PermissionError):
        return f"No permission for {error.filename}: give this account the right to it and start again."
    return str(error)


def from_output(words: str, output: str) -> PlatformError:
    """What a program's last words mean: the disk is full, or `words` with the output below."""
    if os.strerror(errno.ENOSPC) in output:
        return PlatformError(DISK_FULL)
    return PlatformError(f"{words}\n{output.strip()}")
