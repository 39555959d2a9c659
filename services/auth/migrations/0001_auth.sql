-- Keys, clients, agents, user codes and sessions. Secrets stand here as hashes or sealed, never in clear.
CREATE TABLE signing_keys (
    kid             text PRIMARY KEY,
    public_jwk      jsonb NOT NULL,
    sealed_private  bytea NOT NULL,
    sealing_key_id  text NOT NULL,
    published_at    timestamptz NOT NULL,
    signs_from      timestamptz NOT NULL,
    retired_at      timestamptz,
    CONSTRAINT a_key_is_published_before_it_signs CHECK (published_at <= signs_from)
);
GRANT SELECT, INSERT ON signing_keys TO :app;

CREATE TABLE clients (
    client_id                  text PRIMARY KEY,
    kind                       text NOT NULL,
    department                 text,
    name_fr                    text NOT NULL,
    name_en                    text NOT NULL,
    redirect_uris              text[] NOT NULL,
    post_logout_redirect_uris  text[] NOT NULL,
    scopes                     text[] NOT NULL,
    jwk                        jsonb NOT NULL,
    installed_at               timestamptz NOT NULL,
    CONSTRAINT client_kind_is_known CHECK (kind IN ('service', 'portal', 'department', 'department-system')),
    CONSTRAINT a_departments_client_names_it CHECK ((kind LIKE 'department%') = (department IS NOT NULL))
);
GRANT SELECT, INSERT ON clients TO :app;
GRANT UPDATE (kind, department, name_fr, name_en, redirect_uris, post_logout_redirect_uris, scopes, jwk, installed_at)
    ON clients TO :app;

CREATE TABLE client_assertions (
    client_id   text NOT NULL,
    jti_hash    bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT an_assertion_serves_once PRIMARY KEY (client_id, jti_hash)
);
CREATE INDEX client_assertions_by_expiry ON client_assertions (expires_at);
GRANT SELECT, INSERT, DELETE ON client_assertions TO :app;

CREATE TABLE agent_accounts (
    id              uuid PRIMARY KEY,
    name            text NOT NULL,
    side            text NOT NULL,
    roles           text[] NOT NULL,
    password_hash   text NOT NULL,
    pepper_key_id   text NOT NULL,
    sealed_totp     bytea NOT NULL,
    sealing_key_id  text NOT NULL,
    last_totp_step  bigint NOT NULL DEFAULT 0,
    installed_at    timestamptz NOT NULL,
    CONSTRAINT an_agents_name_is_given_once UNIQUE (name)
);
GRANT SELECT, INSERT ON agent_accounts TO :app;
GRANT UPDATE (side, roles, password_hash, pepper_key_id, sealed_totp, sealing_key_id, last_totp_step, installed_at)
    ON agent_accounts TO :app;

CREATE TABLE user_codes (
    id                   uuid PRIMARY KEY,
    applicant_id         uuid NOT NULL,
    assigned_by          text NOT NULL,
    code                 text NOT NULL,
    language             text NOT NULL,
    state                text NOT NULL,
    assigned_at          timestamptz NOT NULL,
    activated_at         timestamptz,
    password_hash        text NOT NULL,
    pepper_key_id        text NOT NULL,
    password_set_at      timestamptz NOT NULL,
    password_is_one_time boolean NOT NULL,
    first_used_at        timestamptz,
    CONSTRAINT a_user_code_is_given_once UNIQUE (code),
    CONSTRAINT user_code_state_is_known CHECK (state IN ('pending', 'active', 'revoked')),
    CONSTRAINT an_active_code_was_activated CHECK (state <> 'active' OR activated_at IS NOT NULL),
    CONSTRAINT a_used_code_has_a_chosen_password CHECK ((first_used_at IS NULL) = password_is_one_time)
);
CREATE INDEX user_codes_by_applicant ON user_codes (applicant_id);
CREATE INDEX user_codes_pending ON user_codes (assigned_at) WHERE state = 'pending';
GRANT SELECT, INSERT, DELETE ON user_codes TO :app;
GRANT UPDATE (state, activated_at, language, password_hash, pepper_key_id, password_set_at, password_is_one_time,
    first_used_at) ON user_codes TO :app;

-- What registry tells of an applicant. A row of state 'unknown' only serves to lock.
CREATE TABLE registrations (
    applicant_id    uuid PRIMARY KEY,
    state           text NOT NULL,
    activated_at    timestamptz,
    changed_at      timestamptz NOT NULL,
    reactivated_at  timestamptz,
    CONSTRAINT registration_state_is_known
        CHECK (state IN ('unknown', 'active', 'suspended', 'cancelled', 'rejected'))
);
GRANT SELECT, INSERT, UPDATE ON registrations TO :app;

-- What registry and delegation tell of the person behind a code, in whatever order it comes.
CREATE TABLE persons (
    user_code_id  uuid PRIMARY KEY,
    applicant_id  uuid NOT NULL,
    role          text,
    named_at      timestamptz,
    cleared_at    timestamptz,
    is_held       boolean NOT NULL DEFAULT false,
    CONSTRAINT role_is_known CHECK (role IN ('person_in_charge', 'user')),
    CONSTRAINT a_named_person_has_a_role CHECK ((role IS NULL) = (named_at IS NULL))
);
CREATE INDEX persons_by_applicant ON persons (applicant_id);
GRANT SELECT, INSERT, UPDATE ON persons TO :app;

CREATE TABLE posted_conditions (
    owner      text NOT NULL,
    version    text NOT NULL,
    posted_at  timestamptz NOT NULL,
    url_fr     text NOT NULL,
    url_en     text NOT NULL,
    PRIMARY KEY (owner, version)
);
GRANT SELECT, INSERT, UPDATE ON posted_conditions TO :app;

CREATE TABLE duties_shown (
    user_code_id  uuid NOT NULL,
    conditions    text NOT NULL,
    role          text NOT NULL,
    language      text NOT NULL,
    shown_at      timestamptz NOT NULL,
    PRIMARY KEY (user_code_id, conditions)
);
GRANT SELECT, INSERT ON duties_shown TO :app;

CREATE TABLE sign_in_attempts (
    subject        bytea PRIMARY KEY,
    failures       integer NOT NULL,
    last_at        timestamptz NOT NULL,
    blocked_until  timestamptz NOT NULL
);
CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (last_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_attempts TO :app;

CREATE TABLE sessions (
    id                uuid PRIMARY KEY,
    secret_hash       bytea NOT NULL,
    stage             text NOT NULL,
    user_code_id      uuid,
    applicant_id      uuid,
    agent_id          uuid,
    is_recourse       boolean NOT NULL,
    amr               text[] NOT NULL,
    conditions        text,
    authenticated_at  timestamptz NOT NULL,
    last_seen_at      timestamptz NOT NULL,
    ended_at          timestamptz,
    end_reason        text,
    CONSTRAINT a_session_secret_is_given_once UNIQUE (secret_hash),
    CONSTRAINT stage_is_known CHECK (stage IN ('one-time-code', 'change-password', 'complete')),
    CONSTRAINT a_session_is_a_codes_or_an_agents CHECK ((user_code_id IS NULL) <> (agent_id IS NULL)),
    CONSTRAINT a_codes_session_has_its_applicant CHECK ((user_code_id IS NULL) = (applicant_id IS NULL)),
    CONSTRAINT an_ended_session_has_its_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX sessions_by_user_code ON sessions (user_code_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_open ON sessions (last_seen_at) WHERE ended_at IS NULL;
GRANT SELECT, INSERT ON sessions TO :app;
GRANT UPDATE (secret_hash, stage, amr, authenticated_at, last_seen_at, ended_at, end_reason) ON sessions TO :app;

CREATE TABLE authorization_requests (
    secret_hash     bytea PRIMARY KEY,
    client_id       text NOT NULL,
    redirect_uri    text NOT NULL,
    scope           text[] NOT NULL,
    resources       text[] NOT NULL,
    state           text,
    nonce           text,
    code_challenge  text NOT NULL,
    language        text NOT NULL,
    expires_at      timestamptz NOT NULL
);
CREATE INDEX authorization_requests_by_expiry ON authorization_requests (expires_at);
GRANT SELECT, INSERT, DELETE ON authorization_requests TO :app;

CREATE TABLE authorization_codes (
    code_hash       bytea PRIMARY KEY,
    client_id       text NOT NULL,
    redirect_uri    text NOT NULL,
    session_id      uuid NOT NULL,
    scope           text[] NOT NULL,
    resources       text[] NOT NULL,
    nonce           text,
    code_challenge  text NOT NULL,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz
);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at);
GRANT SELECT, INSERT, DELETE ON authorization_codes TO :app;
GRANT UPDATE (used_at) ON authorization_codes TO :app;
