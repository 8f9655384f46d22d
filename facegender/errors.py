"""The exception for mistakes that the user can fix: wrong files, wrong parameters, a full disk."""

import errno
from typing import Final


class UserError(Exception):
    """A mistake in the user's files, parameters or machine.

    The command prints it as one message without a traceback and exits with code 2. Every other exception is a bug in
    this package and keeps its traceback.

    Parameters
    ----------
    where
        Where the mistake is: a file, with row or key.
    expected
        What should be there.
    received
        What is there instead, exactly as written in the file; None to leave it out of the message.
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

    A library may raise its own exception with the system's error as the cause. Some give the error number only in
    their text.

    Examples
    --------
    >>> full = OSError(errno.ENOSPC, "No space left on device", "model.keras")
    >>> found = translate_os_error(full)
    >>> found.where, found.expected
    ('model.keras', 'there must be free disk space')
    >>> translate_os_error(ValueError("a bug")) is None
    True
    """
    cause: BaseException | None = error
    while cause is not None:
        in_text = next((code for code in (*DISK_FULL, *NOT_WRITABLE) if f"errno = {code}," in str(cause)), None)
        number = (cause.errno if isinstance(cause, OSError) else None) or in_text
        where = str(cause.filename) if isinstance(cause, OSError) and cause.filename else "the disk"
        if number in DISK_FULL:
            return UserError(where, "there must be free disk space", str(cause), "Free some space and run it again.")
        if number in NOT_WRITABLE:
            return UserError(where, "must be readable and writable", str(cause), "Change its permissions.")
        cause = cause.__cause__ or cause.__context__
    return None
