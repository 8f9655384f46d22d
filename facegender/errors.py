"""The one exception for mistakes that the user can mend."""


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
