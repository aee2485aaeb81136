"""Why a schedule or a time zone is refused, worded as Kubernetes words it."""


class ScheduleError(ValueError):
    """A ``schedule`` that Kubernetes would refuse; the message is the one a client of the API sees."""


class TimeZoneError(ValueError):
    """A ``timeZone`` that Kubernetes would refuse; the message is the one a client of the API sees."""
