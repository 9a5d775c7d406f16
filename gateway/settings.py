"""What the gateway reads from its environment, each setting with the default it ships with."""

from pathlib import Path

from pydantic import Field, HttpUrl, RedisDsn
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """From environment variables of the same names. Times are seconds, sizes bytes, limits per minute."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    service_name: str = "gateway"
    environment: str = Field("production", description="development | test | production")
    host: str = "127.0.0.1"
    port: int = 8080
    log_level: str = "INFO"
    trace_sample_ratio: float = Field(0.1, ge=0, le=1)
    otlp_endpoint: str | None = None
    spans_dir: Path | None = None

    # Where requests go.
    auth_url: HttpUrl = HttpUrl("http://auth:8000")
    registry_url: HttpUrl = HttpUrl("http://registry:8000")
    scheduling_url: HttpUrl = HttpUrl("http://scheduling:8000")
    notifications_url: HttpUrl = HttpUrl("http://notifications:8000")
    audit_url: HttpUrl = HttpUrl("http://audit:8000")

    # Who is calling.
    token_issuer: str = "https://auth.clinic.local"  # noqa: S105 - a name, not a secret
    cors_origins: list[str] = Field(
        [], description="Exact origins browsers may call from; development adds localhost on any port."
    )
    trusted_proxies: list[str] = Field(
        [], description="Networks whose X-Forwarded-For and X-Forwarded-Proto are believed, for example 10.0.0.0/8."
    )

    # How much of it (0 switches a limit off).
    redis_url: RedisDsn = RedisDsn("redis://redis:6379/0")
    limits_prefix: str = Field("limit:", description="In front of every counter in Redis.")
    login_per_ip: int = Field(300, ge=0, description="OTP, login, MFA and password calls, counted exactly.")
    anonymous_per_ip: int = Field(6_000, ge=0, description="Everything else without a good token.")
    webhook_per_ip: int = Field(12_000, ge=0)
    per_user: int = Field(6_000, ge=0)
    per_clinic: int = Field(900_000, ge=0)

    # What a client may send, and how slowly.
    max_connections: int = 4_096
    max_body_bytes: int = 1_048_576
    max_webhook_bytes: int = Field(3_145_728, description="As much as Meta may send in one call.")
    max_head_bytes: int = 32_768
    max_headers: int = 100
    head_seconds: float = Field(8.0, description="From a connection's or request's first moment to its last header.")
    body_seconds: float = Field(8.0, description="In each such span a body must bring `body_bytes_per_second`.")
    body_bytes_per_second: int = 512
    stalled_seconds: float = Field(30.0, description="A client that reads nothing of its answer is dropped.")
    keep_alive_seconds: float = Field(12.0, description="Idle time between two requests.")

    # How services are called.
    connect_seconds: float = 1.0
    first_byte_seconds: float = 10.0
    total_seconds: float = 60.0
    idle_connection_seconds: float = Field(
        4.0, description="Less than what services keep an idle one: uvicorn's 5 s, with our runner 75 s."
    )
    breaker_failures: int = 5
    breaker_reset_seconds: float = 2.0
    max_in_flight: int = Field(64, description="Per service; found by latency between `min_in_flight` and this.")
    min_in_flight: int = 16
    max_waiting: int = Field(512, description="Requests that queue for one service before any is refused.")
    latency_goal_seconds: float = Field(0.1, description="In-flight requests are cut when the mean is above it.")
    burst_seconds: float = Field(0.5, description="A queue that never empties for this long is an overload.")
    longest_wait_seconds: float = Field(20.0, description="How long a request may queue in a burst.")
    overload_wait_seconds: float = Field(0.08, description="How long a request may queue during an overload.")

    # How the process ends.
    unready_seconds: float = Field(0.5, description="Unready but still serving, so that balancers look away.")
    shutdown_grace_seconds: int = 15
