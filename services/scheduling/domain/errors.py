"""What scheduling refuses, in the clinic's words."""

from libs.common.errors import Conflict, NotFound, Unprocessable


class SlotTaken(Conflict):
    code = "slot_taken"
    title = "Somebody else has this time: choose another slot"


class PatientBusy(Conflict):
    code = "patient_busy"
    title = "The patient has another appointment at this time"


class SlotUnknown(NotFound):
    code = "slot_unknown"
    title = "There is no such slot"


class SlotClosed(Conflict):
    code = "slot_closed"
    title = "This time is not open for booking: choose another slot"


class PatientUnknown(NotFound):
    code = "patient_unknown"
    title = "There is no such patient"


class DoctorUnknown(NotFound):
    code = "doctor_unknown"
    title = "There is no such doctor"


class AppointmentUnknown(NotFound):
    code = "appointment_unknown"
    title = "There is no such appointment"


class TemplateUnknown(NotFound):
    code = "slot_template_unknown"
    title = "There is no such slot template"


class LeaveUnknown(NotFound):
    code = "leave_unknown"
    title = "There is no such leave"


class WaitlistEntryUnknown(NotFound):
    code = "waitlist_entry_unknown"
    title = "There is no such waitlist entry"


class OfferUnknown(NotFound):
    code = "offer_unknown"
    title = "There is no such offer"


class OfferExpired(Conflict):
    code = "offer_expired"
    title = "The offer has run out; you keep your place on the waitlist"


class OfferAlreadyAccepted(Conflict):
    """The answer names the appointment."""

    code = "offer_already_accepted"
    title = "The offer has been accepted already: the slot is the patient's appointment"


class StateForbids(Conflict):
    """The appointment is in a state that does not allow this move."""

    code = "state_forbids"
    title = "The appointment's state does not allow this"


class HoldExpired(Conflict):
    code = "hold_expired"
    title = "The slot was not confirmed in time and is free again: book it anew"


class DepositRequired(Conflict):
    code = "deposit_required"
    title = "The clinic takes a deposit first, and confirms the appointment then: call the front desk"


class TooLate(Conflict):
    code = "too_late"
    title = "It is too late for this: call the clinic"


class TooEarly(Conflict):
    code = "too_early"
    title = "It is too early for this"


class NoticeTooShort(Conflict):
    code = "notice_too_short"
    title = "The clinic needs more notice for this time: choose a later slot or call"


class BeyondHorizon(Conflict):
    code = "beyond_horizon"
    title = "The clinic does not take bookings that far ahead"


class ModeNotOffered(Unprocessable):
    code = "mode_not_offered"
    title = "The doctor does not offer this mode in this slot"


class OverbookQuotaReached(Conflict):
    code = "overbook_quota_reached"
    title = "The day's quota of extra bookings is used up"


class TemplateInvalid(Unprocessable):
    code = "slot_template_invalid"
    title = "The slot template does not make sense"


class TemplateOverlaps(Conflict):
    """The answer names the other template."""

    code = "template_overlaps"
    title = "The doctor has consulting hours then already: retire those, or send allow_overlap"


class AlreadyWaiting(Conflict):
    """The answer names the entry."""

    code = "already_waiting"
    title = "The patient waits for this doctor at this time already"


class LeaveConflicts(Conflict):
    """There are appointments in the way; the answer lists them, and what would become of each."""

    code = "leave_conflicts"
    title = "Appointments lie in this time: look at the plan and apply it"
