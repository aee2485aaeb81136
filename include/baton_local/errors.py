"""What the local stack raises: each message says what failed, where, and what to do."""


class StackError(Exception):
    """The local stack cannot do what was asked; the message tells the user what to do about it."""
