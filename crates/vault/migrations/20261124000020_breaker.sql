-- The breaker of a provider config, and the rejections that only repetition explains. Refresh
-- protocol, section 8; ADR 0012.

-- A row for each breaker that is open: the provider refuses the client itself.
CREATE TABLE provider_breaker (
    provider_config_id uuid PRIMARY KEY REFERENCES provider_config ON DELETE CASCADE,
    opened_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When one credential may try whether the provider takes the client again, and how many have.
    probe_at           timestamptz NOT NULL,
    probes             integer NOT NULL DEFAULT 0,
    -- The settings that were refused: when others are made, they are tried at once.
    config_updated_at  timestamptz NOT NULL
);

-- The latest rejection of a credential that does not say what to do. A row about another
-- generation than the credential's is history.
CREATE TABLE rejection (
    integration_id     text PRIMARY KEY,
    provider_config_id uuid NOT NULL,
    grant_id           uuid NOT NULL,
    generation         bigint NOT NULL,
    cause              text NOT NULL CHECK (cause IN ('operator_config', 'unknown')),
    -- How often in a row, and since when.
    times              integer NOT NULL DEFAULT 1,
    since              timestamptz NOT NULL DEFAULT clock_timestamp(),
    rejected_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Whether no call with the same provider config has succeeded after it.
    unrefuted          boolean NOT NULL DEFAULT true
);

CREATE INDEX rejection_unrefuted
    ON rejection (provider_config_id)
    WHERE cause = 'operator_config' AND unrefuted;

CREATE INDEX rejection_rejected ON rejection (rejected_at);

-- Its ends tell whether the credentials of a config are of one subject or issuer.
CREATE INDEX credential_client ON credential (provider_config_id, provider_subject COLLATE "C");

DROP INDEX credential_provider_config;

GRANT SELECT (updated_at, environment_guid, provider) ON provider_config TO workapi_token_refresher;
GRANT SELECT, INSERT, UPDATE (probe_at, probes, config_updated_at), DELETE ON provider_breaker
    TO workapi_token_refresher;
GRANT SELECT, INSERT, UPDATE, DELETE ON rejection TO workapi_token_refresher;

-- Shows what is open; forgets what is history.
GRANT SELECT ON provider_breaker TO workapi_auth;
GRANT SELECT (rejected_at), DELETE ON rejection TO workapi_auth;
