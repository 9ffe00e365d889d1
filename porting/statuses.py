"""The three verdicts, and what a command exits with for each."""

from collections.abc import Iterable
from enum import Enum


class Status(Enum):
    """Fail-closed: what was not checked has not passed.

    Examples
    --------
    >>> from porting import Status
    >>> [status.value for status in Status]
    ['PASS', 'FAIL', 'NOT CHECKED']
    """

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_CHECKED = "NOT CHECKED"


def overall(statuses: Iterable[Status]) -> Status:
    """FAIL if any is, PASS if all are, NOT CHECKED otherwise."""
    found = set(statuses)
    if Status.FAIL in found:
        return Status.FAIL
    return Status.PASS if found == {Status.PASS} else Status.NOT_CHECKED


EXIT_STATUS = {status.value: number for status, number in ((Status.PASS, 0), (Status.FAIL, 1), (Status.NOT_CHECKED, 3))}
"""What a command exits with for each verdict; 2 is a user's mistake."""
