-- What every service has: outbox, inbox, standing, access records, evidence, idempotency keys.
CREATE TABLE outbox (
    row_number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             uuid NOT NULL,
    topic          text NOT NULL,
    source         text NOT NULL,
    type           text NOT NULL,
    time           timestamptz NOT NULL,
    partitionkey   text NOT NULL,
    actor          text,
    correlationid  uuid,
    causationid    uuid,
    traceparent    text,
    data           jsonb NOT NULL,
    sequence       bigint,
    position       bigint,
    published_at   timestamptz,
    CONSTRAINT an_event_is_in_the_outbox_once UNIQUE (id),
    CONSTRAINT a_position_is_given_once UNIQUE (position),
    CONSTRAINT a_sequence_is_given_once_per_key UNIQUE (topic, partitionkey, sequence),
    CONSTRAINT sequence_and_position_are_given_together CHECK ((sequence IS NULL) = (position IS NULL)),
    CONSTRAINT published_only_once_it_has_a_position CHECK (published_at IS NULL OR position IS NOT NULL)
);
CREATE INDEX outbox_unassigned ON outbox (row_number) WHERE position IS NULL;
CREATE INDEX outbox_unpublished ON outbox (position) WHERE published_at IS NULL;
GRANT SELECT, INSERT, UPDATE (sequence, position, published_at) ON outbox TO :app;

CREATE TABLE inbox (
    event_id      uuid PRIMARY KEY,
    source        text NOT NULL,
    type          text NOT NULL,
    partitionkey  text NOT NULL,
    sequence      bigint NOT NULL,
    applied_at    timestamptz NOT NULL
);
CREATE TABLE inbox_sequences (
    source         text NOT NULL,
    partitionkey   text NOT NULL,
    last_sequence  bigint NOT NULL,
    PRIMARY KEY (source, partitionkey)
);
CREATE TABLE parked_events (
    event_id      uuid PRIMARY KEY,
    source        text NOT NULL,
    partitionkey  text NOT NULL,
    sequence      bigint NOT NULL,
    envelope      jsonb NOT NULL,
    fault         text NOT NULL,
    parked_at     timestamptz NOT NULL,
    CONSTRAINT a_sequence_is_parked_once UNIQUE (source, partitionkey, sequence)
);
CREATE INDEX parked_events_by_key ON parked_events (partitionkey);
-- What cannot be read as an event of its topic has no sequence: it is kept for the operator and counts nowhere.
CREATE TABLE unreadable_messages (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    "offset"     bigint NOT NULL,
    content      bytea NOT NULL,
    fault        text NOT NULL,
    received_at  timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
);
GRANT SELECT, INSERT ON inbox, unreadable_messages TO :app;
GRANT SELECT, INSERT, UPDATE ON inbox_sequences TO :app;
GRANT SELECT, INSERT, DELETE ON parked_events TO :app;

CREATE TABLE freshness (
    publisher    text PRIMARY KEY,
    fresh_as_of  timestamptz NOT NULL,
    lag          bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON freshness TO :app;

CREATE TABLE standing (
    subject_kind           text NOT NULL,
    subject_id             text NOT NULL,
    source                 text NOT NULL,
    state                  text NOT NULL,
    refuse_issued_before   timestamptz NOT NULL,
    PRIMARY KEY (subject_kind, subject_id, source),
    CONSTRAINT subject_kind_is_known CHECK (subject_kind IN ('applicant', 'user_code', 'session', 'agent'))
);
GRANT SELECT, INSERT, UPDATE, DELETE ON standing TO :app;

CREATE TABLE idempotency_keys (
    principal     text NOT NULL,
    route         text NOT NULL,
    key           text NOT NULL,
    request_hash  bytea NOT NULL,
    status        integer,
    body          jsonb,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
GRANT SELECT, INSERT, UPDATE (status, body), DELETE ON idempotency_keys TO :app;

CREATE TABLE access_records (
    id              uuid NOT NULL,
    at              timestamptz NOT NULL,
    correlation_id  uuid NOT NULL,
    applicant_id    uuid,
    actor           text NOT NULL,
    first_actor     text,
    user_code_id    uuid,
    session_id      uuid,
    client_id       text,
    role            text,
    acr             text,
    purpose         text,
    action          text NOT NULL,
    address         text,
    user_agent      text,
    outcome         text NOT NULL,
    reason          text,
    PRIMARY KEY (at, id),
    CONSTRAINT outcome_is_known CHECK (outcome IN ('admitted', 'refused')),
    CONSTRAINT a_refusal_has_its_reason CHECK ((outcome = 'refused') = (reason IS NOT NULL))
) PARTITION BY RANGE (at);
CREATE TABLE access_records_default PARTITION OF access_records DEFAULT;
CREATE INDEX access_records_by_applicant ON access_records (applicant_id, at, id);
CREATE INDEX access_records_by_user_code ON access_records (user_code_id, at, id);
GRANT SELECT, INSERT ON access_records TO :app;

-- Owned by the owner role, which neither api nor worker has: no UPDATE, no DELETE (clause 30).
CREATE TABLE evidence_records (
    id              uuid PRIMARY KEY,
    at              timestamptz NOT NULL,
    correlation_id  uuid NOT NULL,
    causation_id    uuid,
    applicant_id    uuid,
    command         text NOT NULL,
    actor           text NOT NULL,
    user_code_id    uuid,
    session_id      uuid,
    client_id       text,
    role            text,
    acr             text,
    amr             text[],
    conditions      text,
    content         jsonb NOT NULL
);
CREATE INDEX evidence_records_by_applicant ON evidence_records (applicant_id, at, id);
GRANT SELECT, INSERT ON evidence_records TO :app;
