"""Settings of the scheduling service."""

from pydantic import HttpUrl, SecretStr

from libs.common.settings import ServiceSettings


class SchedulingSettings(ServiceSettings):
    service_name: str = "scheduling"
    registry_url: HttpUrl = HttpUrl("http://registry:8000")
    tele_base_url: HttpUrl = HttpUrl("https://meet.jit.si")
    tele_link_key: SecretStr = SecretStr("")
