"""The exception for mistakes that the user can fix."""

import errno
from typing import Final


class UserError(Exception):
    """A mistake in the user's files, parameters or machine.

    It is shown as one message without a traceback and ends the command with exit code 2. Every other exception is a
    bug in this package and keeps its traceback.

    Parameters
    ----------
    where
        The place: a file, with row or key.
    expected
        What should be there.
    received
        What is there instead, exactly as it stands in the file.
    remedy
        What the user should do.

    Examples
    --------
    >>> print(UserError("train.csv row 17", "class must be one of 0, 1", "'mle'", "Correct the label."))
    train.csv row 17: class must be one of 0, 1. Received: 'mle'. Correct the label.
    """

    def __init__(self, where: str, expected: str, received: object = None, remedy: str = "") -> None:
        self.where = where
        self.expected = expected
        self.received = received
        self.remedy = remedy
        parts = [f"{where}: {expected.rstrip('.')}."]
        if received is not None:
            parts.append(f"Received: {received}.")
        if remedy:
            parts.append(remedy)
        super().__init__(" ".join(parts))


DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NOT_WRITABLE: Final = {errno.EACCES, errno.EPERM, errno.EROFS}


def translate_os_error(error: BaseException) -> UserError | None:
    """Translate a full disk or a missing permission into a UserError; return None for any other exception.

    Libraries raise exceptions of their own, with the system's error as the cause; some give its number in their text
    only.
    """
    cause: BaseException | None = error
    while cause is not None:
        number = cause.errno if isinstance(cause, OSError) else None
        named = next((code for code in (*DISK_FULL, *NOT_WRITABLE) if f"errno = {code}," in str(cause)), None)
        place = str(cause.filename) if isinstance(cause, OSError) and cause.filename else "the disk"
        if (number or named) in DISK_FULL:
            return UserError(place, "there must be free disk space", str(cause), "Free some space and run it again.")
        if (number or named) in NOT_WRITABLE:
            return UserError(place, "must be readable and writable", str(cause), "Change its permissions.")
        cause = cause.__cause__ or cause.__context__
    return None
