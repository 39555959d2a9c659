-- What proves somebody beside a password. `owner_id` is a user code or, without an applicant, an agent.
CREATE TABLE second_factors (
    id              uuid PRIMARY KEY,
    owner_id        uuid NOT NULL,
    applicant_id    uuid,
    kind            text NOT NULL,
    name            text NOT NULL,
    sealed_secret   bytea,
    sealing_key_id  text,
    last_step       bigint NOT NULL DEFAULT 0,
    credential_id   bytea,
    public_key      bytea,
    sign_count      bigint NOT NULL DEFAULT 0,
    enrolled_at     timestamptz NOT NULL,
    CONSTRAINT second_factor_kind_is_known CHECK (kind IN ('totp', 'passkey', 'email')),
    CONSTRAINT only_a_totp_has_a_secret
        CHECK ((kind = 'totp') = (sealed_secret IS NOT NULL) AND (sealed_secret IS NULL) = (sealing_key_id IS NULL)),
    CONSTRAINT only_a_passkey_has_a_credential
        CHECK ((kind = 'passkey') = (credential_id IS NOT NULL) AND (credential_id IS NULL) = (public_key IS NULL)),
    CONSTRAINT a_credential_is_one_owners UNIQUE (credential_id)
);
CREATE INDEX second_factors_by_owner ON second_factors (owner_id);
CREATE UNIQUE INDEX one_email_factor_per_owner ON second_factors (owner_id) WHERE kind = 'email';
GRANT SELECT, INSERT, DELETE ON second_factors TO :app;
GRANT UPDATE (last_step, sign_count) ON second_factors TO :app;

-- What somebody began to bind and has not proved yet: one at a time.
CREATE TABLE factor_enrolments (
    owner_id        uuid PRIMARY KEY,
    factor_id       uuid NOT NULL,
    kind            text NOT NULL,
    name            text NOT NULL,
    sealed_secret   bytea,
    sealing_key_id  text,
    challenge       bytea,
    expires_at      timestamptz NOT NULL
);
CREATE INDEX factor_enrolments_by_expiry ON factor_enrolments (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON factor_enrolments TO :app;

CREATE TABLE recovery_codes (
    owner_id   uuid NOT NULL,
    code_hash  bytea NOT NULL,
    made_at    timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (owner_id, code_hash)
);
GRANT SELECT, INSERT, DELETE ON recovery_codes TO :app;
GRANT UPDATE (used_at) ON recovery_codes TO :app;

-- Told by registry and delegation, which keep the address in clear as well.
CREATE TABLE email_addresses (
    user_code_id  uuid PRIMARY KEY,
    applicant_id  uuid NOT NULL,
    address       text NOT NULL,
    language      text NOT NULL,
    told_at       timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON email_addresses TO :app;

CREATE TABLE emailed_codes (
    session_id  uuid PRIMARY KEY,
    owner_id    uuid NOT NULL,
    code_hash   bytea NOT NULL,
    sent_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    tries       integer NOT NULL,
    sendings    integer NOT NULL
);
CREATE INDEX emailed_codes_by_owner ON emailed_codes (owner_id);
CREATE INDEX emailed_codes_by_age ON emailed_codes (sent_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON emailed_codes TO :app;

-- Which complete session a request found wanting: that one, and no older one, may go on by a factor alone.
CREATE TABLE step_ups (
    request_hash  bytea PRIMARY KEY,
    session_id    uuid NOT NULL,
    asked_at      timestamptz NOT NULL
);
CREATE INDEX step_ups_by_session ON step_ups (session_id);
CREATE INDEX step_ups_by_age ON step_ups (asked_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON step_ups TO :app;

CREATE TABLE passkey_challenges (
    asked_by    bytea PRIMARY KEY,
    challenge   bytea NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON passkey_challenges TO :app;
