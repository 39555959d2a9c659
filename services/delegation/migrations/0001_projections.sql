-- What other services publish, as this service knows it. Events of different keys come in any order: no foreign
-- key joins what two publishers or two keys tell.
CREATE TABLE departments (
    code     text PRIMARY KEY,
    name_fr  text NOT NULL,
    name_en  text NOT NULL
);
CREATE TABLE online_services (
    code        text PRIMARY KEY,
    department  text NOT NULL,
    name_fr     text NOT NULL,
    name_en     text NOT NULL
);
CREATE TABLE tasks (
    online_service  text NOT NULL REFERENCES online_services,
    code            text NOT NULL,
    name_fr         text NOT NULL,
    name_en         text NOT NULL,
    PRIMARY KEY (online_service, code)
);
GRANT SELECT, INSERT, UPDATE ON departments, online_services TO :app;
GRANT SELECT, INSERT, UPDATE, DELETE ON tasks TO :app;

-- Its row is what every command about the applicant locks first.
CREATE TABLE applicants (
    id           uuid PRIMARY KEY,
    state        text NOT NULL,
    state_since  timestamptz NOT NULL,
    CONSTRAINT applicant_state_is_known
        CHECK (state IN ('submitted', 'active', 'suspended', 'cancelled', 'rejected'))
);
CREATE TABLE enrolments (
    applicant_id    uuid NOT NULL,
    online_service  text NOT NULL,
    department      text NOT NULL,
    enrolment_id    uuid NOT NULL,
    PRIMARY KEY (applicant_id, online_service)
);
CREATE INDEX enrolments_by_department ON enrolments (applicant_id, department);
GRANT SELECT, INSERT, UPDATE ON applicants, enrolments TO :app;

-- `is_named`: a person of the applicant is known for it; `is_activated`: auth lets it sign in.
CREATE TABLE user_codes (
    id            uuid PRIMARY KEY,
    applicant_id  uuid NOT NULL,
    is_named      boolean NOT NULL,
    is_activated  boolean NOT NULL
);
CREATE INDEX user_codes_by_applicant ON user_codes (applicant_id);
CREATE TABLE department_subjects (
    department    text NOT NULL,
    pairwise_id   text NOT NULL,
    user_code_id  uuid NOT NULL,
    applicant_id  uuid NOT NULL,
    PRIMARY KEY (department, pairwise_id),
    CONSTRAINT a_department_knows_a_code_by_one_name UNIQUE (department, user_code_id)
);
CREATE INDEX department_subjects_by_applicant ON department_subjects (applicant_id);
GRANT SELECT, INSERT, UPDATE (is_named, is_activated), DELETE ON user_codes TO :app;
GRANT SELECT, INSERT, DELETE ON department_subjects TO :app;
