-- Which forms a kind of applicant signs on paper (clause 6): rows, so that a change needs no release.
CREATE TABLE registration_form_requirements (
    applicant_kind     text PRIMARY KEY,
    registration_form  boolean NOT NULL,
    designation_form   boolean NOT NULL,
    CONSTRAINT applicant_kind_is_known
        CHECK (applicant_kind IN ('individual', 'partnership', 'corporation', 'other'))
);
INSERT INTO registration_form_requirements (applicant_kind, registration_form, designation_form) VALUES
    ('individual', false, false),
    ('partnership', true, true),
    ('corporation', false, false),
    ('other', true, true);
GRANT SELECT ON registration_form_requirements TO :app;

CREATE TABLE registrations (
    id                          uuid PRIMARY KEY,
    applicant_id                uuid NOT NULL,
    applicant_kind              text NOT NULL REFERENCES registration_form_requirements,
    state                       text NOT NULL,
    opened_at                   timestamptz NOT NULL,
    expires_at                  timestamptz NOT NULL,
    name                        text,
    neq                         text,
    business_number             text,
    identification_number       text,
    street                      text,
    city                        text,
    province                    text,
    postal_code                 text,
    country                     text,
    identity_proof              text NOT NULL DEFAULT 'none',
    conditions_version          text,
    conditions_language         text,
    conditions_accepted_at      timestamptz,
    path                        text,
    doubts                      text[] NOT NULL DEFAULT '{}',
    identity_settled_by         text,
    registration_form_required  boolean NOT NULL DEFAULT false,
    registration_form_received  boolean NOT NULL DEFAULT false,
    designation_forms_required  boolean NOT NULL DEFAULT false,
    submitted_at                timestamptz,
    closed_at                   timestamptz,
    codes_pending               boolean NOT NULL DEFAULT false,
    CONSTRAINT an_applicant_has_one_file UNIQUE (applicant_id),
    CONSTRAINT state_is_known CHECK (state IN ('draft', 'submitted', 'active', 'rejected', 'expired')),
    CONSTRAINT identity_proof_is_known CHECK (identity_proof IN ('none', 'matched', 'exhausted')),
    CONSTRAINT path_is_known CHECK (path IN ('direct', 'validation', 'paper')),
    CONSTRAINT identity_is_settled_by_proof_or_agent CHECK (identity_settled_by IN ('proof', 'agent')),
    CONSTRAINT a_submitted_file_has_its_path
        CHECK (state IN ('draft', 'expired') OR (path IS NOT NULL AND submitted_at IS NOT NULL)),
    CONSTRAINT a_submitted_file_accepted_conditions
        CHECK (state IN ('draft', 'expired') OR conditions_version IS NOT NULL),
    CONSTRAINT an_active_file_has_identity_and_form CHECK (
        state <> 'active'
        OR (identity_settled_by IS NOT NULL AND (registration_form_received OR NOT registration_form_required)))
);
CREATE INDEX registrations_by_neq ON registrations (neq) WHERE state IN ('submitted', 'active');
CREATE INDEX registrations_by_business_number ON registrations (business_number)
    WHERE state IN ('submitted', 'active');
CREATE INDEX registrations_by_identification_number ON registrations (identification_number)
    WHERE state IN ('submitted', 'active');
CREATE INDEX registrations_draft ON registrations (expires_at) WHERE state = 'draft';
GRANT SELECT, INSERT ON registrations TO :app;
GRANT UPDATE (
    state, name, neq, business_number, identification_number, street, city, province, postal_code, country,
    identity_proof, conditions_version, conditions_language, conditions_accepted_at, path, doubts,
    identity_settled_by, registration_form_required, registration_form_received, designation_forms_required,
    submitted_at, closed_at, codes_pending
) ON registrations TO :app;

CREATE TABLE registration_persons (
    id               uuid PRIMARY KEY,
    registration_id  uuid NOT NULL REFERENCES registrations,
    user_code_id     uuid NOT NULL,
    given_name       text NOT NULL,
    family_name      text NOT NULL,
    email            text NOT NULL,
    language         text NOT NULL,
    same_person      text NOT NULL,
    awaits_form      boolean NOT NULL DEFAULT false,
    named_at         timestamptz NOT NULL,
    CONSTRAINT a_person_is_named_once_in_a_file UNIQUE (registration_id, same_person),
    CONSTRAINT a_user_code_belongs_to_one_person UNIQUE (user_code_id),
    CONSTRAINT language_is_known CHECK (language IN ('fr', 'en'))
);
GRANT SELECT, INSERT, DELETE, UPDATE (awaits_form) ON registration_persons TO :app;

CREATE TABLE authorized_representatives (
    registration_id  uuid PRIMARY KEY REFERENCES registrations,
    given_name       text NOT NULL,
    family_name      text NOT NULL,
    capacity         text NOT NULL,
    email            text NOT NULL,
    telephone        text NOT NULL,
    CONSTRAINT capacity_is_known CHECK (capacity IN ('by-position', 'by-grant'))
);
GRANT SELECT, INSERT, UPDATE (given_name, family_name, capacity, email, telephone)
    ON authorized_representatives TO :app;

-- Both values of each change and who reported it (clauses 5 and 8); nobody takes one back.
CREATE TABLE registration_changes (
    id               uuid PRIMARY KEY,
    registration_id  uuid NOT NULL REFERENCES registrations,
    at               timestamptz NOT NULL,
    reported_by      text NOT NULL,
    subject          text NOT NULL,
    value_before     jsonb,
    value_after      jsonb,
    CONSTRAINT subject_is_known CHECK (subject IN ('applicant', 'representative', 'person-in-charge')),
    CONSTRAINT a_change_changes CHECK (value_before IS DISTINCT FROM value_after)
);
CREATE INDEX registration_changes_by_file ON registration_changes (registration_id, at);
GRANT SELECT, INSERT ON registration_changes TO :app;

-- Grounds are confidential: readable by decider and auditor only.
CREATE TABLE registration_decisions (
    registration_id  uuid NOT NULL REFERENCES registrations,
    decision         text NOT NULL,
    grounds          text NOT NULL,
    salt             bytea NOT NULL,
    decided_by       text NOT NULL,
    decided_at       timestamptz NOT NULL,
    PRIMARY KEY (registration_id, decision),
    CONSTRAINT decision_is_known CHECK (decision IN ('validated', 'rejected'))
);
GRANT SELECT, INSERT ON registration_decisions TO :app;

CREATE TABLE registration_sessions (
    token_hash       bytea PRIMARY KEY,
    registration_id  uuid NOT NULL REFERENCES registrations,
    opened_at        timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    CONSTRAINT a_token_is_kept_as_sha256 CHECK (length(token_hash) = 32)
);
CREATE INDEX registration_sessions_by_end ON registration_sessions (expires_at);
GRANT SELECT, INSERT, DELETE ON registration_sessions TO :app;

CREATE TABLE attempt_counters (
    kind          text NOT NULL,
    subject       text NOT NULL,
    window_start  timestamptz NOT NULL,
    attempts      integer NOT NULL,
    PRIMARY KEY (kind, subject, window_start)
);
CREATE INDEX attempt_counters_by_age ON attempt_counters (window_start);
GRANT SELECT, INSERT, DELETE, UPDATE (attempts) ON attempt_counters TO :app;

-- That a proof was tried and whether it matched; never the values that were given.
CREATE TABLE identity_proof_attempts (
    id                     uuid PRIMARY KEY,
    registration_id        uuid NOT NULL REFERENCES registrations,
    identification_number  text NOT NULL,
    at                     timestamptz NOT NULL,
    matched                boolean NOT NULL
);
CREATE INDEX identity_proof_attempts_by_file ON identity_proof_attempts (registration_id, at);
CREATE INDEX identity_proof_attempts_by_number ON identity_proof_attempts (identification_number, at);
GRANT SELECT, INSERT ON identity_proof_attempts TO :app;

CREATE TABLE documents (
    id               uuid PRIMARY KEY,
    registration_id  uuid NOT NULL REFERENCES registrations,
    kind             text NOT NULL,
    person_id        uuid REFERENCES registration_persons,
    signed_on        date NOT NULL,
    received_on      date NOT NULL,
    recorded_by      text NOT NULL,
    recorded_at      timestamptz NOT NULL,
    CONSTRAINT kind_is_known CHECK (kind IN ('registration-form', 'designation-form')),
    CONSTRAINT a_designation_form_names_one_person CHECK ((kind = 'designation-form') = (person_id IS NOT NULL)),
    CONSTRAINT a_form_is_signed_before_it_is_received CHECK (signed_on <= received_on)
);
CREATE UNIQUE INDEX a_registration_form_comes_once ON documents (registration_id) WHERE kind = 'registration-form';
CREATE UNIQUE INDEX a_designation_form_comes_once_per_person ON documents (person_id)
    WHERE kind = 'designation-form';
GRANT SELECT, INSERT ON documents TO :app;

CREATE TABLE conditions_versions (
    owner      text NOT NULL,
    version    text NOT NULL,
    posted_at  timestamptz NOT NULL,
    PRIMARY KEY (owner, version)
);
CREATE TABLE conditions_texts (
    owner        text NOT NULL,
    version      text NOT NULL,
    language     text NOT NULL,
    text         text NOT NULL,
    is_official  boolean NOT NULL,
    PRIMARY KEY (owner, version, language),
    FOREIGN KEY (owner, version) REFERENCES conditions_versions,
    CONSTRAINT language_is_known CHECK (language IN ('fr', 'en'))
);
GRANT SELECT, INSERT ON conditions_versions, conditions_texts TO :app;

-- The Registraire's open data set: existence, names in force and status, never identity.
CREATE TABLE enterprise_register_loads (
    id               uuid PRIMARY KEY,
    loaded_at        timestamptz NOT NULL,
    enterprises      bigint NOT NULL,
    names            bigint NOT NULL,
    malformed        bigint NOT NULL,
    changed          bigint NOT NULL
);
CREATE TABLE enterprises (
    neq            text PRIMARY KEY,
    is_bankrupt    boolean NOT NULL,
    registered_on  date,
    status         text NOT NULL,
    status_on      date,
    legal_form     text NOT NULL,
    load_id        uuid NOT NULL REFERENCES enterprise_register_loads
);
CREATE TABLE enterprise_names (
    neq   text NOT NULL,
    name  text NOT NULL,
    PRIMARY KEY (neq, name)
);
-- What a load found otherwise than the one before: the ground on which life events will be told.
CREATE TABLE enterprise_changes (
    load_id          uuid NOT NULL REFERENCES enterprise_register_loads,
    neq              text NOT NULL,
    was_bankrupt     boolean NOT NULL,
    is_bankrupt      boolean NOT NULL,
    status_before    text NOT NULL,
    status_after     text NOT NULL,
    PRIMARY KEY (load_id, neq)
);
CREATE UNLOGGED TABLE staged_enterprises (
    neq text NOT NULL, is_bankrupt boolean NOT NULL, registered_on date, status text NOT NULL, status_on date,
    legal_form text NOT NULL
);
CREATE UNLOGGED TABLE staged_enterprise_names (neq text NOT NULL, name text NOT NULL);
GRANT SELECT, INSERT ON enterprise_register_loads, enterprise_changes TO :app;
GRANT SELECT, INSERT, UPDATE (is_bankrupt, registered_on, status, status_on, legal_form, load_id)
    ON enterprises TO :app;
GRANT SELECT, INSERT, DELETE ON enterprise_names TO :app;
GRANT SELECT, INSERT, TRUNCATE ON staged_enterprises, staged_enterprise_names TO :app;
