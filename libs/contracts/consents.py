"""What patients can agree to: the registry keeps it, others ask before they do it."""

from enum import StrEnum


class Purpose(StrEnum):
    """What a patient can agree to, each by itself."""

    TREATMENT = "treatment"
    NOTIFICATIONS_WHATSAPP = "notifications_whatsapp"
    NOTIFICATIONS_SMS = "notifications_sms"
    NOTIFICATIONS_EMAIL = "notifications_email"
    SHARE_RECORDS = "share_records"
    TELECONSULTATION = "teleconsultation"
    ABDM_LINK = "abdm_link"
    RESEARCH = "research"
    MARKETING = "marketing"
