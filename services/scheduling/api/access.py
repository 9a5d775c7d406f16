"""The callers and parts that endpoints of scheduling take."""

from typing import Annotated

from fastapi import Depends

from libs.common.mongo.transact import Transactor
from libs.common.security.caller import Caller
from libs.common.security.permissions import requires
from libs.common.subjects import SubjectDirectory
from libs.common.web.dependencies import part, subject_directory, transactor
from services.scheduling import permissions as may
from services.scheduling.use_cases.ports import SchedulingTx, TeleProvider

Transact = Annotated[Transactor[SchedulingTx], Depends(transactor)]
Patients = Annotated[SubjectDirectory, Depends(subject_directory)]
Doctors = Annotated[SubjectDirectory, Depends(part("doctors"))]
Tele = Annotated[TeleProvider, Depends(part("tele"))]

CanReadSlots = Annotated[Caller, requires(may.SLOT_READ)]
CanReadTemplates = Annotated[Caller, requires(may.TEMPLATE_READ)]
CanWriteTemplates = Annotated[Caller, requires(may.TEMPLATE_WRITE)]
CanReadLeaves = Annotated[Caller, requires(may.LEAVE_READ)]
CanWriteLeaves = Annotated[Caller, requires(may.LEAVE_WRITE)]
CanReadPolicy = Annotated[Caller, requires(may.POLICY_READ)]
CanWritePolicy = Annotated[Caller, requires(may.POLICY_WRITE)]
CanReadAppointments = Annotated[Caller, requires(may.APPOINTMENT_READ)]
CanBook = Annotated[Caller, requires(may.APPOINTMENT_BOOK)]
CanOverbook = Annotated[Caller, requires(may.APPOINTMENT_OVERBOOK)]
CanConfirm = Annotated[Caller, requires(may.APPOINTMENT_CONFIRM)]
CanCancel = Annotated[Caller, requires(may.APPOINTMENT_CANCEL)]
CanReschedule = Annotated[Caller, requires(may.APPOINTMENT_RESCHEDULE)]
CanCheckIn = Annotated[Caller, requires(may.APPOINTMENT_CHECK_IN)]
CanMarkNoShow = Annotated[Caller, requires(may.APPOINTMENT_NO_SHOW)]
CanMoveConsultation = Annotated[Caller, requires(may.CONSULTATION_MOVE)]
CanReadQueue = Annotated[Caller, requires(may.QUEUE_READ)]
CanReadWaitlist = Annotated[Caller, requires(may.WAITLIST_READ)]
CanJoinWaitlist = Annotated[Caller, requires(may.WAITLIST_JOIN)]
CanAnswerOffers = Annotated[Caller, requires(may.WAITLIST_ANSWER)]
AsService = Annotated[Caller, requires(may.APPOINTMENT_DETAILS)]
