-- Departments and their services, applicants, what bars them, what they use, and who is told of it.
CREATE TABLE departments (
    code                text PRIMARY KEY,
    name_fr             text NOT NULL,
    name_en             text NOT NULL,
    notice_identifiers  text[] NOT NULL,
    CONSTRAINT a_notice_names_known_identifiers
        CHECK (notice_identifiers <@ ARRAY['neq', 'business_number', 'identification_number'])
);
CREATE TABLE online_services (
    code        text PRIMARY KEY,
    department  text NOT NULL REFERENCES departments,
    name_fr     text NOT NULL,
    name_en     text NOT NULL,
    enrolment   text NOT NULL,
    tasks       jsonb NOT NULL,
    CONSTRAINT enrolment_is_known CHECK (enrolment IN ('with-registration', 'automatic', 'decided'))
);
CREATE INDEX online_services_by_department ON online_services (department);
GRANT SELECT, INSERT, UPDATE (name_fr, name_en, notice_identifiers) ON departments TO :app;
GRANT SELECT, INSERT, UPDATE (name_fr, name_en, enrolment, tasks) ON online_services TO :app;

-- The state is derived: cancelled_at first, then the holds. state_since is when it last became another.
CREATE TABLE applicants (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL,
    name            text NOT NULL,
    identifiers     jsonb NOT NULL,
    representative  text NOT NULL,
    activated_at    timestamptz NOT NULL,
    state_since     timestamptz NOT NULL,
    cancelled_at    timestamptz,
    cancelled_by    text,
    CONSTRAINT who_cancelled_is_known CHECK (cancelled_by IN ('applicant', 'person_in_charge', 'provider')),
    CONSTRAINT a_cancellation_has_its_author CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL))
);
GRANT SELECT, INSERT, UPDATE (state_since, cancelled_at, cancelled_by) ON applicants TO :app;

-- Grounds stay here alone; evidence carries their HMAC under the salt beside them.
CREATE TABLE registration_holds (
    id               uuid PRIMARY KEY,
    applicant_id     uuid NOT NULL REFERENCES applicants,
    side             text NOT NULL,
    reason_code      text NOT NULL,
    grounds          text NOT NULL,
    salt             bytea NOT NULL,
    placed_by        text NOT NULL,
    placed_at        timestamptz NOT NULL,
    released_by      text,
    released_at      timestamptz,
    release_grounds  text,
    CONSTRAINT side_is_known CHECK (side IN ('applicant', 'provider', 'department', 'system')),
    CONSTRAINT a_release_has_its_author CHECK ((released_at IS NULL) = (released_by IS NULL)),
    CONSTRAINT grounds_of_a_release_need_a_release CHECK (release_grounds IS NULL OR released_at IS NOT NULL)
);
CREATE INDEX registration_holds_by_applicant ON registration_holds (applicant_id, placed_at, id);
GRANT SELECT, INSERT, UPDATE (released_by, released_at, release_grounds) ON registration_holds TO :app;

CREATE TABLE reactivation_requests (
    id            uuid PRIMARY KEY,
    applicant_id  uuid NOT NULL REFERENCES applicants,
    requested_by  text NOT NULL,
    requested_at  timestamptz NOT NULL,
    decision      text,
    decided_by    text,
    decided_at    timestamptz,
    grounds       text,
    salt          bytea,
    CONSTRAINT decision_is_known CHECK (decision IN ('accepted', 'refused')),
    CONSTRAINT a_decision_has_author_time_and_grounds
        CHECK (num_nulls(decision, decided_by, decided_at, grounds, salt) IN (0, 5))
);
CREATE UNIQUE INDEX one_open_reactivation_request_per_applicant ON reactivation_requests (applicant_id)
    WHERE decided_at IS NULL;
GRANT SELECT, INSERT, UPDATE (decision, decided_by, decided_at, grounds, salt) ON reactivation_requests TO :app;

CREATE TABLE enrolments (
    id              uuid PRIMARY KEY,
    applicant_id    uuid NOT NULL REFERENCES applicants,
    online_service  text NOT NULL REFERENCES online_services,
    state           text NOT NULL,
    activated_at    timestamptz NOT NULL,
    CONSTRAINT state_is_known CHECK (state = 'active'),
    CONSTRAINT an_applicant_is_enrolled_once_with_a_service UNIQUE (applicant_id, online_service)
);
GRANT SELECT, INSERT ON enrolments TO :app;

-- What delegation tells of persons and rights; only notices read it.
CREATE TABLE known_persons (
    user_code_id         uuid PRIMARY KEY,
    applicant_id         uuid NOT NULL,
    is_person_in_charge  boolean NOT NULL
);
CREATE TABLE known_access_rights (
    user_code_id    uuid NOT NULL REFERENCES known_persons,
    online_service  text NOT NULL,
    task            text NOT NULL,
    starts_on       date,
    ends_on         date
);
CREATE INDEX known_access_rights_by_person ON known_access_rights (user_code_id);
-- Whom a department was told to be suspended: the same department, and no other, is told of the end of it.
CREATE TABLE told_suspensions (
    department    text NOT NULL REFERENCES departments,
    user_code_id  uuid NOT NULL,
    told_at       timestamptz NOT NULL,
    CONSTRAINT a_department_is_told_once PRIMARY KEY (department, user_code_id)
);
CREATE INDEX told_suspensions_by_person ON told_suspensions (user_code_id);
GRANT SELECT, INSERT, UPDATE (is_person_in_charge) ON known_persons TO :app;
GRANT SELECT, INSERT, DELETE ON known_access_rights, told_suspensions TO :app;
