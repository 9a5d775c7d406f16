"""The doctor's waiting queue of one day: who checks in gets the next number."""

from datetime import date

from libs.common.aggregate import Aggregate


class TokenQueue(Aggregate):
    """Its id is made of doctor and day, so that there is one."""

    doctor_id: str
    day: date
    last_number: int = 0

    @classmethod
    def id_for(cls, doctor_id: str, day: date) -> str:
        return f"{doctor_id}:{day.isoformat()}"

    @classmethod
    def opened(cls, clinic_id: str, doctor_id: str, day: date) -> "TokenQueue":
        return cls(id=cls.id_for(doctor_id, day), clinic_id=clinic_id, doctor_id=doctor_id, day=day)

    def next_number(self) -> int:
        self.last_number += 1
        return self.last_number
