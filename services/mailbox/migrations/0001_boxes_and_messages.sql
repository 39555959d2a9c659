-- One box per user code, the active address of its person (clause 32).
CREATE TABLE mailboxes (
    user_code_id  uuid PRIMARY KEY,
    applicant_id  uuid NOT NULL,
    language      text NOT NULL,
    created_at    timestamptz NOT NULL,
    CONSTRAINT language_is_french_or_english CHECK (language IN ('fr', 'en')),
    CONSTRAINT a_box_belongs_to_one_applicant UNIQUE (user_code_id, applicant_id)
);
GRANT SELECT, INSERT ON mailboxes TO :app;

-- No CHECK on this table: the fault of a broken one would quote the row, and with it the message.
CREATE TABLE messages (
    id                  uuid PRIMARY KEY,
    applicant_id        uuid NOT NULL,
    sender              text NOT NULL,
    online_service      text NOT NULL,
    subject             text NOT NULL,
    body                text NOT NULL,
    language            text,
    confidential        boolean NOT NULL,
    needs_confirmation  boolean NOT NULL,
    content_sha256      bytea NOT NULL,
    received_at         timestamptz NOT NULL,
    CONSTRAINT a_message_is_for_one_applicant UNIQUE (id, applicant_id)
);
GRANT SELECT, INSERT ON messages TO :app;

CREATE TABLE deliveries (
    user_code_id  uuid NOT NULL,
    message_id    uuid NOT NULL,
    applicant_id  uuid NOT NULL,
    opened_at     timestamptz,
    confirmed_at  timestamptz,
    PRIMARY KEY (user_code_id, message_id),
    CONSTRAINT a_delivery_is_of_its_applicants_message
        FOREIGN KEY (message_id, applicant_id) REFERENCES messages (id, applicant_id),
    CONSTRAINT a_delivery_stands_in_a_box_of_its_applicant
        FOREIGN KEY (user_code_id, applicant_id) REFERENCES mailboxes (user_code_id, applicant_id),
    CONSTRAINT confirmed_only_once_opened CHECK (confirmed_at IS NULL OR opened_at IS NOT NULL)
);
CREATE INDEX deliveries_by_message ON deliveries (message_id);
GRANT SELECT, INSERT, UPDATE (opened_at, confirmed_at) ON deliveries TO :app;
