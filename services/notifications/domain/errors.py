"""What notifications refuses."""

from libs.common.errors import Conflict, Forbidden, NotFound, Unauthenticated


class NotificationUnknown(NotFound):
    code = "notification_unknown"
    title = "There is no such notification"


class PatientUnknown(NotFound):
    code = "patient_unknown"
    title = "There is no such patient"


class NotRepeatable(Conflict):
    """Only what has failed, or may never have gone out, is sent again, and only while it is news."""

    code = "not_repeatable"
    title = "This message is on its way or has arrived: there is nothing to repeat"


class SignatureInvalid(Unauthenticated):
    code = "signature_invalid"
    title = "The webhook is not signed by the provider"


class VerifyTokenWrong(Forbidden):
    code = "verify_token_wrong"
    title = "The verify token is not the one agreed on"
