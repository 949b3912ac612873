-- The records of the system: environments, their users, the users' integrations.

-- The role that the running service takes on. It exists once per server, for all databases on it,
-- so two migrations may meet here. They may also run as a user that may not create roles, when
-- somebody else has created it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'workapi_integrations') THEN
        CREATE ROLE workapi_integrations NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    -- Not MEMBER: who may create roles is a member of them from PostgreSQL 16 on, but may not take
    -- them on.
    IF NOT pg_has_role(CURRENT_USER, 'workapi_integrations', 'USAGE') THEN
        GRANT workapi_integrations TO CURRENT_USER;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

CREATE TABLE environment (
    guid UUID NOT NULL,
    name TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    state TEXT NOT NULL DEFAULT 'active',
    tokens_valid_from BIGINT NOT NULL DEFAULT 0,
    loopback_return_allowed BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT environment_pkey PRIMARY KEY (guid),
    CONSTRAINT environment_name_length CHECK (octet_length(name) BETWEEN 1 AND 255),
    CONSTRAINT environment_public_key_length CHECK (octet_length(public_key) BETWEEN 256 AND 1024),
    CONSTRAINT environment_state CHECK (state IN ('active', 'inactive', 'deleting'))
);

CREATE INDEX environment_created_at ON environment (created_at, guid);

CREATE INDEX environment_deleting ON environment (guid) WHERE state = 'deleting';

COMMENT ON COLUMN environment.public_key IS 'SubjectPublicKeyInfo (DER) of the RSA key that verifies APTs';
COMMENT ON COLUMN environment.state IS 'inactive: kept, but nobody gets in; deleting: gone for everybody, its users are being removed';
COMMENT ON COLUMN environment.tokens_valid_from IS 'Unix second, as in the iat claim: user tokens issued before it are void';

CREATE TABLE return_origin (
    environment_guid UUID NOT NULL,
    origin TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT return_origin_pkey PRIMARY KEY (environment_guid, origin),
    CONSTRAINT return_origin_environment_guid_fkey
        FOREIGN KEY (environment_guid) REFERENCES environment (guid) ON DELETE CASCADE,
    CONSTRAINT return_origin_length CHECK (octet_length(origin) BETWEEN 1 AND 2048)
);

-- Users and integrations are removed one by one with their events, so nothing cascades to them.
CREATE TABLE app_user (
    id TEXT NOT NULL,
    environment_guid UUID NOT NULL,
    arbitrary_id TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'active',
    tokens_valid_from BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT app_user_pkey PRIMARY KEY (id),
    CONSTRAINT app_user_id_shape CHECK (id ~ '^[0-9a-f]{24}$'),
    CONSTRAINT app_user_environment_guid_fkey
        FOREIGN KEY (environment_guid) REFERENCES environment (guid),
    CONSTRAINT app_user_arbitrary_id_length CHECK (octet_length(arbitrary_id) BETWEEN 1 AND 255),
    CONSTRAINT app_user_state CHECK (state IN ('active', 'inactive'))
);

CREATE UNIQUE INDEX app_user_environment_guid_arbitrary_id
    ON app_user (environment_guid, arbitrary_id);

COMMENT ON COLUMN app_user.tokens_valid_from IS 'Unix second, as in the iat claim: tokens issued before it are void';

CREATE TABLE integration (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    media_type TEXT NOT NULL,
    provider_id TEXT,
    provider_id_grant UUID,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT integration_pkey PRIMARY KEY (id),
    CONSTRAINT integration_id_shape CHECK (id ~ '^[0-9a-f]{24}$'),
    CONSTRAINT integration_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_user (id),
    CONSTRAINT integration_provider_shape CHECK (provider ~ '^[a-z][a-z0-9_]{0,31}$'),
    CONSTRAINT integration_media_type CHECK (media_type IN ('email', 'event', 'file')),
    CONSTRAINT integration_provider_id_length CHECK (octet_length(provider_id) BETWEEN 1 AND 1024),
    CONSTRAINT integration_provider_id_has_grant
        CHECK ((provider_id IS NULL) = (provider_id_grant IS NULL))
);

CREATE INDEX integration_user_id ON integration (user_id, created_at, id);

COMMENT ON COLUMN integration.provider_id IS 'the account''s display name at the provider; NULL until connected';
COMMENT ON COLUMN integration.provider_id_grant IS 'the grant under which provider_id was learnt (UUIDv7): an older one loses';

CREATE TABLE signing_key (
    kid TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    salt BYTEA NOT NULL,
    sealed_private_key BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    retired_at TIMESTAMPTZ,
    CONSTRAINT signing_key_pkey PRIMARY KEY (kid),
    CONSTRAINT signing_key_public_key_length CHECK (octet_length(public_key) = 32),
    CONSTRAINT signing_key_salt_length CHECK (octet_length(salt) = 32)
);

COMMENT ON TABLE signing_key IS 'Ed25519 keys that sign user tokens';
COMMENT ON COLUMN signing_key.sealed_private_key IS 'PKCS#8 (DER), sealed with the key ring''s purpose signing';
COMMENT ON COLUMN signing_key.retired_at IS 'from then on it signs nothing; it verifies until its last token has expired';

-- Events that wait to be published (crates/bus).
CREATE TABLE outbox (
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    id UUID NOT NULL,
    subject TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    payload BYTEA NOT NULL,
    traceparent TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT outbox_pkey PRIMARY KEY (position)
);

-- What the service does, and nothing else. Locking a row takes the right to update one column.
GRANT USAGE ON SCHEMA public TO workapi_integrations;
GRANT SELECT, INSERT, DELETE, UPDATE (state) ON environment TO workapi_integrations;
GRANT SELECT, INSERT, DELETE ON return_origin TO workapi_integrations;
GRANT SELECT, INSERT, DELETE, UPDATE (state) ON app_user TO workapi_integrations;
GRANT SELECT, INSERT, DELETE, UPDATE (provider, media_type, provider_id, provider_id_grant, updated_at)
    ON integration TO workapi_integrations;
GRANT SELECT, INSERT ON signing_key TO workapi_integrations;
GRANT SELECT, INSERT, DELETE, UPDATE (position) ON outbox TO workapi_integrations;
