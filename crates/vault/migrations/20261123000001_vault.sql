-- The vault: OAuth clients, sealed tokens, rotation attempts. Refresh protocol, sections 1 to 6.

-- The OAuth client of an environment at a provider. A client id that was replaced keeps its row
-- (current = false) for as long as credentials were granted to it.
CREATE TABLE provider_config (
    id               uuid PRIMARY KEY,
    environment_guid uuid NOT NULL,
    provider         text NOT NULL,
    client_id        text NOT NULL,
    current          boolean NOT NULL DEFAULT true,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT provider_config_client UNIQUE (environment_guid, provider, client_id)
);

CREATE UNIQUE INDEX provider_config_current
    ON provider_config (environment_guid, provider)
    WHERE current;

-- Client secrets in the order in which they are tried.
CREATE TABLE client_secret (
    id                 uuid PRIMARY KEY,
    provider_config_id uuid NOT NULL REFERENCES provider_config ON DELETE CASCADE,
    position           integer NOT NULL,
    sealed_secret      bytea NOT NULL,
    key_id             text NOT NULL,
    salt               bytea NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT client_secret_position UNIQUE (provider_config_id, position)
);

-- The sealed token set of an integration: one row each, named by the integration's id.
CREATE TABLE credential (
    integration_id     text PRIMARY KEY,
    user_id            text NOT NULL,
    environment_guid   uuid NOT NULL,
    provider           text NOT NULL,
    provider_config_id uuid NOT NULL REFERENCES provider_config,
    -- What a revocation reaches at most: the client id, or Google's project number.
    revocation_group   text NOT NULL,
    -- Issuer and subject of the account; identity checks compare this.
    provider_subject   text NOT NULL,

    -- (grant_id, generation) names one token pair for ever.
    grant_id           uuid NOT NULL,
    generation         bigint NOT NULL CHECK (generation > 0),
    -- The attempt that made this generation, unless connecting did.
    last_attempt_id    uuid,
    sealed_access      bytea,
    sealed_refresh     bytea,
    key_id             text,
    salt               bytea,
    asked_scopes       text NOT NULL,
    granted_scopes     text NOT NULL,
    access_expires_at  timestamptz NOT NULL,
    refresh_expires_at timestamptz,
    -- When this generation is to be refreshed: 75 to 85 % of its life.
    refresh_at         timestamptz NOT NULL,

    state              text NOT NULL CHECK (state IN ('active', 'refresh_failing', 'needs_reconnect',
                                                      'needs_operator', 'revoking', 'revoked')),
    cause              text,
    state_since        timestamptz NOT NULL DEFAULT now(),

    -- When somebody must look at this row; the only retry clock there is.
    due_at             timestamptz,
    claim_seq          bigint NOT NULL DEFAULT 0,
    lease_token        uuid,
    lease_until        timestamptz,
    -- Jobs that began and have not ended: three of them make a dead letter.
    unfinished_jobs    integer NOT NULL DEFAULT 0,
    failures           integer NOT NULL DEFAULT 0,
    revoke_until       timestamptz,
    -- First negative answer of `integrations` about this id.
    missing_since      timestamptz,

    connected_at       timestamptz NOT NULL DEFAULT now(),
    last_success_at    timestamptz NOT NULL DEFAULT now(),
    last_used_at       timestamptz,
    -- The trace that caused the next job, where there is one.
    traceparent        text,

    CONSTRAINT credential_cause CHECK ((cause IS NULL) = (state IN ('active', 'revoking', 'revoked')))
);

CREATE INDEX credential_due
    ON credential (due_at)
    WHERE state IN ('active', 'refresh_failing', 'revoking');

CREATE INDEX credential_account ON credential (revocation_group, provider_subject);

CREATE INDEX credential_ended ON credential (state_since) WHERE state = 'revoked';

CREATE INDEX credential_provider_config ON credential (provider_config_id);

-- What was about to be sent to a provider, written before it is sent.
CREATE TABLE rotation_attempt (
    attempt_id     uuid PRIMARY KEY,
    integration_id text NOT NULL,
    grant_id       uuid NOT NULL,
    generation     bigint NOT NULL,
    state          text NOT NULL CHECK (state IN ('sent', 'not_sent', 'committed', 'rejected',
                                                  'unknown', 'superseded')),
    sent_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at    timestamptz
);

CREATE INDEX rotation_attempt_open ON rotation_attempt (integration_id) WHERE state = 'sent';

CREATE INDEX rotation_attempt_finished ON rotation_attempt (finished_at);

-- Answers that lost a race, kept for the grace period of their class.
CREATE TABLE quarantine (
    attempt_id     uuid PRIMARY KEY,
    integration_id text NOT NULL,
    grant_id       uuid NOT NULL,
    generation     bigint NOT NULL,
    sealed_access  bytea NOT NULL,
    sealed_refresh bytea,
    key_id         text NOT NULL,
    salt           bytea NOT NULL,
    kept_until     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX quarantine_grant ON quarantine (integration_id, grant_id, created_at);

-- Hashes of states (and of mobile codes) that were presented: single use does not rest on Redis.
CREATE TABLE used_state (
    state_hash       bytea PRIMARY KEY,
    integration_id   text NOT NULL,
    user_id          text NOT NULL,
    revocation_group text NOT NULL,
    grant_id         uuid NOT NULL,
    outcome          text,
    started_at       timestamptz NOT NULL DEFAULT now(),
    finished_at      timestamptz
);

CREATE INDEX used_state_in_flight ON used_state (revocation_group) WHERE finished_at IS NULL;

CREATE INDEX used_state_started ON used_state (started_at);

-- Integrations that are deleted: nothing may be stored for them any more.
CREATE TABLE tombstone (
    integration_id text PRIMARY KEY,
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tombstone_created ON tombstone (created_at);

-- What integrations were connected to, as `integrations` has yet to be told, retried until it answers.
CREATE TABLE account_projection (
    integration_id text PRIMARY KEY,
    grant_id       uuid NOT NULL,
    provider       text NOT NULL,
    media_type     text NOT NULL,
    provider_id    text NOT NULL,
    due_at         timestamptz NOT NULL,
    failures       integer NOT NULL DEFAULT 0
);

CREATE INDEX account_projection_due ON account_projection (due_at);

CREATE TABLE outbox (
    position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          uuid NOT NULL,
    subject     text NOT NULL,
    subject_id  text NOT NULL,
    payload     bytea NOT NULL,
    traceparent text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A UUIDv7 from this server's clock, so that the order of grants does not depend on ours.
CREATE FUNCTION new_grant_id() RETURNS uuid
LANGUAGE sql VOLATILE
AS $$
    SELECT encode(
        set_bit(
            set_bit(
                overlay(
                    uuid_send(gen_random_uuid())
                    PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6
                ),
                52, 1
            ),
            53, 1
        ),
        'hex'
    )::uuid
$$;

-- One role a program, with what it needs and no more. Roles belong to the whole server, and other
-- databases on it may be making them right now.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['workapi_auth', 'workapi_token_refresher'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
        -- Not MEMBER: who may create roles is a member of them from PostgreSQL 16 on, but may not
        -- take them on.
        IF NOT pg_has_role(current_user, name, 'USAGE') THEN
            EXECUTE format('GRANT %I TO %I', name, current_user);
        END IF;
    END LOOP;
END
$$;

-- Connects, claims and deletes; never sees an answer to a refresh. Locking a row takes the right to
-- update one of its columns.
GRANT SELECT, INSERT, UPDATE (current, updated_at) ON provider_config TO workapi_auth;
GRANT SELECT, INSERT, DELETE ON client_secret TO workapi_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON credential TO workapi_auth;
GRANT SELECT, INSERT, UPDATE (outcome, finished_at), DELETE ON used_state TO workapi_auth;
GRANT SELECT, INSERT, DELETE ON tombstone TO workapi_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON account_projection TO workapi_auth;
GRANT SELECT (finished_at), DELETE ON rotation_attempt TO workapi_auth;
GRANT SELECT (kept_until), DELETE ON quarantine TO workapi_auth;
GRANT SELECT, INSERT, UPDATE (position), DELETE ON outbox TO workapi_auth;

-- Rotates and revokes what others connected: whose credential it is, it can't change.
GRANT SELECT (id, client_id) ON provider_config TO workapi_token_refresher;
GRANT SELECT (id, provider_config_id, position, sealed_secret, salt) ON client_secret
    TO workapi_token_refresher;
GRANT SELECT (user_id, revocation_group, started_at, finished_at) ON used_state
    TO workapi_token_refresher;
GRANT SELECT, UPDATE (
    generation, last_attempt_id, sealed_access, sealed_refresh, key_id, salt, granted_scopes,
    access_expires_at, refresh_expires_at, refresh_at, state, cause, state_since, due_at, claim_seq,
    lease_token, lease_until, unfinished_jobs, failures, revoke_until, last_success_at
) ON credential TO workapi_token_refresher;
GRANT SELECT, INSERT, UPDATE (state, finished_at) ON rotation_attempt TO workapi_token_refresher;
GRANT SELECT, INSERT, DELETE ON quarantine TO workapi_token_refresher;
GRANT SELECT, INSERT, UPDATE (position), DELETE ON outbox TO workapi_token_refresher;
