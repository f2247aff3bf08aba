"""Why a start was given up."""

from shared.domain.errors import Fatal


class StartFailed(Fatal):
    """The message is shown as it is: what was expected, what was found, what to do."""

    code = "start_failed"
