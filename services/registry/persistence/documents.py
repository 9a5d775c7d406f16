"""The collections of the registry and their indexes.

A patient lies here sealed: see `sealing.py` for which fields are encrypted, and `search` for what they are found by.
"""

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.registry.domain.consent import Consent
from services.registry.domain.patient import Patient

ONE_IN_FORCE = "one_in_force"
ONE_MRN = "one_mrn"
MRN_SEQUENCES = "mrn_sequences"


class PatientDocument(Patient, Document):
    class Settings:
        name = "patients"
        indexes = [
            IndexModel([("clinic_id", ASCENDING), ("mrn", ASCENDING)], name=ONE_MRN, unique=True),
            IndexModel([("clinic_id", ASCENDING), ("search.values", ASCENDING)], name="values"),
            IndexModel([("clinic_id", ASCENDING), ("search.names", ASCENDING)], name="names"),
            IndexModel([("search.rules", ASCENDING)], name="rules"),
            IndexModel([("accounts", ASCENDING)], name="accounts"),
            IndexModel([("clinic_id", ASCENDING), ("key_version", ASCENDING)], name="key_version"),
        ]


class ConsentDocument(Consent, Document):
    class Settings:
        name = "consents"
        indexes = [
            IndexModel(
                [("patient_id", ASCENDING), ("purpose", ASCENDING)],
                name=ONE_IN_FORCE,
                unique=True,
                partialFilterExpression={"in_force": True},
            ),
            IndexModel([("patient_id", ASCENDING), ("_id", DESCENDING)], name="patient"),
        ]


DOCUMENTS: list[type[Document]] = [PatientDocument, ConsentDocument]
