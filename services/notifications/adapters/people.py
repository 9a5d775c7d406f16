"""What other services know about people and clinics, asked at send time.

Numbers and codes are forgotten with the message they went into; names of clinics and staff are kept for minutes.
"""

from cachetools import TTLCache

from libs.common.resilience.http_client import OutboundClient
from libs.contracts.auth_api import AuthDirectory
from libs.contracts.registry_api import patient_contact
from services.notifications.use_cases.ports import ClinicCard, Code, Recipient

_REMEMBERED_SECONDS = 300.0


class PeopleOfThePlatform:
    """`People` over the internal APIs of auth and the registry; both clients carry service tokens."""

    def __init__(self, auth: OutboundClient, registry: OutboundClient) -> None:
        self._auth = AuthDirectory(auth)
        self._registry = registry
        self._clinics: TTLCache[str, ClinicCard] = TTLCache(maxsize=1_000, ttl=_REMEMBERED_SECONDS)
        self._staff: TTLCache[str, str] = TTLCache(maxsize=10_000, ttl=_REMEMBERED_SECONDS)

    async def patient(self, patient_id: str) -> Recipient | None:
        contact = await patient_contact(self._registry, patient_id)
        if contact is None:
            return None
        return Recipient(
            phone=contact.phone,
            email=contact.email,
            name=contact.name,
            language=contact.language,
            withdrawn_consents=frozenset(contact.withdrawn_consents),
        )

    async def code(self, challenge_id: str) -> Code | None:
        delivery = await self._auth.otp_delivery(challenge_id)
        if delivery is None:
            return None
        return Code(
            phone=delivery.phone, code=delivery.code, language=delivery.language, expires_at=delivery.expires_at
        )

    async def clinic(self, clinic_id: str) -> ClinicCard | None:
        known = self._clinics.get(clinic_id)
        if known is None:
            clinic = await self._auth.clinic(clinic_id)
            if clinic is None:
                return None
            known = self._clinics[clinic_id] = ClinicCard(name=clinic.name, zone=clinic.zone)
        return known

    async def staff_name(self, user_id: str) -> str | None:
        known = self._staff.get(user_id)
        if known is None:
            member = await self._auth.staff(user_id)
            if member is None:
                return None
            known = self._staff[user_id] = member.display_name
        return known
