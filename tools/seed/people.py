"""Who works at a seeded clinic and who comes to it; everybody is invented."""

from dataclasses import dataclass

from libs.contracts.roles import BILLING, COMPLIANCE, DOCTOR, FRONT_DESK, NURSE, Role


@dataclass(frozen=True)
class Colleague:
    """A staff member to be."""

    role: Role
    name: str


COLLEAGUES = (
    Colleague(FRONT_DESK, "Priya Nair"),
    Colleague(NURSE, "Anita D'Souza"),
    Colleague(DOCTOR, "Dr Meera Iyer"),
    Colleague(DOCTOR, "Dr Arjun Rao"),
    Colleague(BILLING, "Sanjay Gupta"),
    Colleague(COMPLIANCE, "Farida Khan"),
)
ADMIN_NAME = "Vikram Shah"

PATIENTS = (
    ("Asha", "Rao", "female", "1988-03-14"), ("Ravi", "Kumar", "male", "1979-11-02"),
    ("Meena", "Pillai", "female", "1995-07-21"), ("Imran", "Sheikh", "male", "1968-01-30"),
    ("Lakshmi", "Narayanan", "female", "1957-09-09"), ("Joseph", "Mathew", "male", "2001-05-17"),
    ("Sunita", "Devi", "female", "1984-12-25"), ("Harpreet", "Singh", "male", "1991-04-04"),
    ("Kavya", "Reddy", "female", "2012-08-19"), ("Abdul", "Rahman", "male", "1973-06-11"),
    ("Nandini", "Joshi", "female", "1999-02-27"), ("Suresh", "Patil", "male", "1962-10-05"),
    ("Fatima", "Begum", "female", "1981-03-03"), ("Rohan", "Mehta", "male", "2016-11-13"),
    ("Geeta", "Sharma", "female", "1949-07-07"), ("Thomas", "Varghese", "male", "1987-09-29"),
    ("Pooja", "Verma", "female", "1993-01-16"), ("Dinesh", "Yadav", "male", "1976-05-22"),
    ("Zoya", "Ansari", "female", "2005-10-31"), ("Karthik", "Subramanian", "male", "1990-12-08"),
)  # fmt: skip
