"""The one exception for mistakes that the user can mend."""

import errno
from typing import Final


class UserError(Exception):
    """A mistake in the user's files, parameters or machine.

    It is shown as one message without a traceback and ends the command with exit code 2. Anything else that is raised
    is a bug of ours and keeps its traceback.

    Parameters
    ----------
    where
        The place: a file, with row or key. "train.csv row 17".
    expected
        What should be there. "class must be one of 0, 1".
    received
        What was there instead, as it stands in the file.
    remedy
        What to do about it.
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


def of_the_machine(error: BaseException) -> UserError | None:
    """A full disk or a folder that may not be written, as the user's to mend; None for anything else.

    Libraries raise errors of their own with the system's as the cause; some keep its number in the text alone.
    """
    cause: BaseException | None = error
    while cause is not None:
        number = cause.errno if isinstance(cause, OSError) else None
        named = next((code for code in (*DISK_FULL, *NOT_WRITABLE) if f"errno = {code}," in str(cause)), None)
        place = str(cause.filename) if isinstance(cause, OSError) and cause.filename else "the disk"
        if (number or named) in DISK_FULL:
            return UserError(place, "there must be room to write", str(cause), "Make room, and run it again.")
        if (number or named) in NOT_WRITABLE:
            return UserError(
                place, "it must be possible to read and write there", str(cause), "Change its permissions."
            )
        cause = cause.__cause__ or cause.__context__
    return None
