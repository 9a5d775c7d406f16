"""What the registry refuses, in the clinic's words."""

from libs.common.errors import Conflict, Forbidden, NotFound, Unprocessable


class PatientUnknown(NotFound):
    code = "patient_unknown"
    title = "There is no such patient"


class ClinicUnknown(NotFound):
    code = "clinic_unknown"
    title = "There is no such clinic"


class GuardianUnknown(NotFound):
    code = "guardian_unknown"
    title = "There is no such guardian"


class ConsentUnknown(NotFound):
    code = "consent_unknown"
    title = "There is no such consent"


class PatientInactive(Conflict):
    code = "patient_inactive"
    title = "The patient's record is deactivated: an administrator can reactivate it"


class FamilyTooLarge(Conflict):
    code = "family_too_large"
    title = "No more guardians or wards can be added to this record"


class ConsentSuperseded(Conflict):
    """A newer consent for the same purpose took this one's place; the answer names it."""

    code = "consent_superseded"
    title = "A newer consent is in force for this purpose: withdraw that one"


class PhoneNotVerified(Forbidden):
    """A number opens the record to whoever holds it, so accounts can only give the one they logged in with."""

    code = "phone_not_verified"
    title = "Use the phone number you logged in with; the front desk can add others"


class NotForThisService(Forbidden):
    code = "not_for_this_service"
    title = "This is for another service"


class DemographicsInvalid(Unprocessable):
    code = "demographics_invalid"
    title = "The patient's details do not make sense"


class SearchTooBroad(Unprocessable):
    code = "search_too_broad"
    title = "Type at least two letters of the name"
