"""Texts: what is declared is used, every channel has one, and operators accept every filled one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.sms.dlt import DltTemplate
from services.notifications.adapters.template_files import TemplateFileInvalid, read_templates
from services.notifications.domain.purposes import Channel, Purpose
from services.notifications.domain.template import Template, fitting
from services.notifications.domain.wording import spoken
from services.notifications.settings import NotificationsSettings

TEXTS = read_templates(NotificationsSettings.model_fields["templates_dir"].default)
_SMS = [template for template in TEXTS if template.channel is Channel.SMS]


@pytest.mark.parametrize("template", _SMS, ids=lambda template: f"{template.purpose}-{template.language}")
@pytest.mark.parametrize("value", ["x", "y" * 80, "  spaced \n out ", "https://evil.example", ""])
def test_whatever_people_are_called_the_operators_take_the_text(template: Template, value: str) -> None:
    registered = DltTemplate.model_validate({"body": template.for_dlt, "category": "transactional"})
    filled = template.filled({gap: fitting(value) for gap in template.gaps})
    registered.check(filled, datetime(2026, 11, 25, tzinfo=UTC))


def test_every_dlt_id_stands_for_one_text() -> None:
    ids = [template.id for template in _SMS]
    assert len(set(ids)) == len(ids)
    assert all(identifier.isdecimal() and 12 <= len(identifier) <= 19 for identifier in ids)


def test_whatsapp_numbers_the_gaps_in_their_order() -> None:
    template = Template(purpose=Purpose.OTP, language="en", channel=Channel.WHATSAPP, id="x", text="{b} {a} {b}")
    assert template.for_whatsapp == "{{1}} {{2}} {{1}}"
    assert template.gaps == ("b", "a")


def test_languages_fall_back_to_english() -> None:
    assert TEXTS.text_for(Purpose.OTP, Channel.SMS, "hi-IN").language == "hi"
    assert TEXTS.text_for(Purpose.OTP, Channel.SMS, "ta").language == "en"


def test_a_text_with_an_undeclared_gap_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "otp.toml").write_text('gaps = ["code"]\n[en.sms]\nid = "1"\ntext = "{code} for {whom}"\n')
    with pytest.raises(TemplateFileInvalid, match=r"otp.toml, en.sms: .*whom"):
        read_templates(tmp_path)


def test_a_template_for_login_codes_tells_nothing_but_the_code(tmp_path: Path) -> None:
    text = 'gaps = ["code"]\n[en.whatsapp]\nid = "login"\nauthentication = true\ntext = "{code} for {whom}"\n'
    (tmp_path / "otp.toml").write_text(text)
    with pytest.raises(TemplateFileInvalid, match=r"otp.toml, en.whatsapp: .*whom"):
        read_templates(tmp_path)


def test_a_missing_channel_stops_the_start(tmp_path: Path) -> None:
    for purpose in Purpose:
        (tmp_path / f"{purpose}.toml").write_text('gaps = []\n[en.sms]\nid = "1"\ntext = "hello"\n')
    with pytest.raises(ValueError, match="otp: no text in en for whatsapp"):
        read_templates(tmp_path)


@pytest.mark.parametrize(
    ("moment", "language", "text"),
    [
        ("2026-11-25T04:45:00+00:00", "en", "Wed 25 Nov, 10:15 am"),
        ("2026-11-24T18:30:00+00:00", "en", "Wed 25 Nov, 12:00 am"),
        ("2026-11-25T06:30:00+00:00", "hi", "बुध 25 नव, 12:00 pm"),
        ("2026-11-25T06:30:00+00:00", "hi-IN", "बुध 25 नव, 12:00 pm"),
        ("2026-11-25T04:45:00+00:00", "ta", "Wed 25 Nov, 10:15 am"),
    ],
)
def test_times_are_the_clinics(moment: str, language: str, text: str) -> None:
    assert spoken(datetime.fromisoformat(moment), "Asia/Kolkata", language) == text
