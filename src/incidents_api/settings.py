"""Every setting, read from INCIDENTS_* variables or a .env file; only app and cli read them."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator can set; each has a default that is right for one machine and one file."""

    model_config = SettingsConfigDict(env_prefix="INCIDENTS_", env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field("sqlite:///incidents.db", description="sqlite:///FILE or postgresql://USER:PASS@HOST/DB.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    open_reads: bool = Field(default=True, description="Reads need no key; false closes them to all but key holders.")
    open_metrics: bool = Field(default=True, description="/metrics needs no key; false: a key with the scope admin.")
    public_statuses: Annotated[tuple[str, ...], NoDecode] = Field(
        ("published", "verified"), description="Review statuses of the incidents that everybody sees, parted by commas."
    )
    suppress_below: int = Field(
        5, ge=0, description="Totals by sex, age, nationality or category keep back fewer persons than this; 0: none."
    )
    restricted: Literal["hidden", "coarsened"] = Field(
        "hidden", description="What the public sees of restricted and held incidents; incidents migrate applies it."
    )
    max_body_bytes: int = Field(2_000_000, ge=1_000, description="Largest body of one report, in bytes.")
    max_bulk_bytes: int = Field(4_000_000_000, ge=1_000, description="Largest body of many reports, in bytes.")
    idempotency_days: int = Field(
        7, ge=1, le=365, description="Days for which the answer to an Idempotency-Key is kept."
    )
    rate_per_address: int = Field(
        1200, ge=0, description="Requests a minute from one address without a key (429 beyond); 0: no limit."
    )
    rate_per_key: int = Field(6000, ge=0, description="Requests a minute with one key (429 beyond); 0: no limit.")
    trusted_hops: int = Field(
        0, ge=0, le=10, description="Proxies in front that add to X-Forwarded-For; 0: the header is not believed."
    )
    max_exports: int = Field(8, ge=1, description="Exports that run at once (503 beyond); one client has half of them.")
    max_limit: int = Field(1000, ge=1, description="Largest page; a larger `limit` is clamped to it.")
    read_threads: int = Field(2, ge=1, le=64, description="Reader threads (SQLite) or pooled connections (PostgreSQL).")
    statement_seconds: float = Field(10.0, gt=0, description="A read or lock that takes longer is given up (503).")
    licence: str = Field("CC-BY-4.0", description="Licence of the data, as told in data packages.")
    oidc_issuer: str | None = Field(None, description="Address of an OpenID Connect issuer whose tokens are taken.")
    oidc_audience: str | None = Field(None, description="What `aud` of its tokens must say; needed with an issuer.")
    oidc_jwks_url: str | None = Field(None, description="Where its keys are; none: as the issuer's own discovery says.")
    oidc_claim: str = Field("scope", description="The claim that says what a holder may do: words, or a list.")
    oidc_scopes: dict[str, str] = Field({}, description="Their words: our scopes, as JSON; {}: called as ours.")
    max_connections: int = Field(1000, ge=1, description="Connections served at once; one more is answered 503.")
    client_seconds: float = Field(
        30.0, gt=0, description="A client that sends or reads next to nothing for so long is cut off (408)."
    )
    shutdown_delay: float = Field(
        0.0, ge=0, description="Seconds between not being ready and taking no more connections, for load balancers."
    )
    shutdown_seconds: int = Field(10, ge=1, description="Seconds that running requests have to end at a shutdown.")
    log_format: Literal["text", "json"] = Field("text", description="The log as `text` for the eye or as `json` lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The lowest level that is logged; `info` writes a line for each request."
    )
    seeds: str | None = Field(None, description="Folder of coded articles; none: the ones that come with the package.")

    @field_validator("public_statuses", mode="before")
    @classmethod
    def _parted(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
