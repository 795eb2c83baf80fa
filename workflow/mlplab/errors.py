"""Errors that are meant to be read by the person who runs a study."""


class UserError(Exception):
    """Bad input: the message names what was found, what was expected and how to mend it."""
