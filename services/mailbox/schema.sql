CREATE TABLE public.access_records (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    correlation_id uuid NOT NULL,
    applicant_id uuid,
    actor text NOT NULL,
    first_actor text,
    user_code_id uuid,
    session_id uuid,
    client_id text,
    role text,
    acr text,
    purpose text,
    action text NOT NULL,
    address text,
    user_agent text,
    outcome text NOT NULL,
    reason text,
    user_code_applicant_id uuid,
    about_agent_id uuid,
    CONSTRAINT a_refusal_has_its_reason CHECK (((outcome = 'refused'::text) = (reason IS NOT NULL))),
    CONSTRAINT outcome_is_known CHECK ((outcome = ANY (ARRAY['admitted'::text, 'refused'::text])))
)
PARTITION BY RANGE (at);
CREATE TABLE public.access_records_default (
    id uuid CONSTRAINT access_records_id_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT access_records_at_not_null NOT NULL,
    correlation_id uuid CONSTRAINT access_records_correlation_id_not_null NOT NULL,
    applicant_id uuid,
    actor text CONSTRAINT access_records_actor_not_null NOT NULL,
    first_actor text,
    user_code_id uuid,
    session_id uuid,
    client_id text,
    role text,
    acr text,
    purpose text,
    action text CONSTRAINT access_records_action_not_null NOT NULL,
    address text,
    user_agent text,
    outcome text CONSTRAINT access_records_outcome_not_null NOT NULL,
    reason text,
    user_code_applicant_id uuid,
    about_agent_id uuid,
    CONSTRAINT a_refusal_has_its_reason CHECK (((outcome = 'refused'::text) = (reason IS NOT NULL))),
    CONSTRAINT outcome_is_known CHECK ((outcome = ANY (ARRAY['admitted'::text, 'refused'::text])))
);
CREATE TABLE public.deliveries (
    user_code_id uuid NOT NULL,
    message_id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    opened_at timestamp with time zone,
    confirmed_at timestamp with time zone,
    CONSTRAINT confirmed_only_once_opened CHECK (((confirmed_at IS NULL) OR (opened_at IS NOT NULL)))
);
CREATE TABLE public.dpop_proofs (
    use_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.evidence_records (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    correlation_id uuid NOT NULL,
    causation_id uuid,
    applicant_id uuid,
    command text NOT NULL,
    actor text NOT NULL,
    user_code_id uuid,
    session_id uuid,
    client_id text,
    role text,
    acr text,
    amr text[],
    conditions text,
    content jsonb NOT NULL,
    user_code_applicant_id uuid,
    power_of_attorney_id uuid
);
CREATE TABLE public.freshness (
    publisher text NOT NULL,
    fresh_as_of timestamp with time zone NOT NULL,
    lag bigint NOT NULL
);
CREATE TABLE public.idempotency_keys (
    principal text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status integer,
    body jsonb,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.inbox (
    event_id uuid NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    partitionkey text NOT NULL,
    sequence bigint NOT NULL,
    applied_at timestamp with time zone NOT NULL
);
CREATE TABLE public.inbox_sequences (
    source text NOT NULL,
    partitionkey text NOT NULL,
    last_sequence bigint NOT NULL
);
CREATE TABLE public.mailboxes (
    user_code_id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    language text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    role text,
    CONSTRAINT language_is_french_or_english CHECK ((language = ANY (ARRAY['fr'::text, 'en'::text]))),
    CONSTRAINT role_is_known CHECK ((role = ANY (ARRAY['person_in_charge'::text, 'user'::text])))
);
CREATE TABLE public.messages (
    id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    sender text NOT NULL,
    online_service text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    language text,
    confidential boolean NOT NULL,
    needs_confirmation boolean NOT NULL,
    content_sha256 bytea NOT NULL,
    received_at timestamp with time zone NOT NULL
);
CREATE TABLE public.outbox (
    row_number bigint NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    partitionkey text NOT NULL,
    actor text,
    correlationid uuid,
    causationid uuid,
    traceparent text,
    data jsonb NOT NULL,
    sequence bigint,
    "position" bigint,
    published_at timestamp with time zone,
    CONSTRAINT published_only_once_it_has_a_position CHECK (((published_at IS NULL) OR ("position" IS NOT NULL))),
    CONSTRAINT sequence_and_position_are_given_together CHECK (((sequence IS NULL) = ("position" IS NULL)))
);
ALTER TABLE public.outbox ALTER COLUMN row_number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_row_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.parked_events (
    event_id uuid NOT NULL,
    source text NOT NULL,
    partitionkey text NOT NULL,
    sequence bigint NOT NULL,
    envelope jsonb NOT NULL,
    fault text NOT NULL,
    parked_at timestamp with time zone NOT NULL
);
CREATE TABLE public.proposals (
    id uuid NOT NULL,
    command text NOT NULL,
    content jsonb NOT NULL,
    side text NOT NULL,
    concerns text[] NOT NULL,
    applicant_id uuid,
    requested_by text,
    proposed_by text NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    refusal_reason text,
    sealed_for_proposer bytea,
    CONSTRAINT a_proposal_that_is_over_was_decided CHECK ((((state = 'proposed'::text) = (decided_at IS NULL)) AND ((decided_at IS NULL) = (decided_by IS NULL)))),
    CONSTRAINT a_refused_proposal_has_its_reason CHECK (((state = 'refused'::text) = (refusal_reason IS NOT NULL))),
    CONSTRAINT only_of_an_approved_proposal_is_something_collected CHECK (((sealed_for_proposer IS NULL) OR (state = 'approved'::text))),
    CONSTRAINT proposal_state_is_known CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text, 'refused'::text, 'withdrawn'::text, 'expired'::text]))),
    CONSTRAINT the_second_person_is_not_the_first CHECK (((state <> ALL (ARRAY['approved'::text, 'refused'::text])) OR (decided_by <> proposed_by))),
    CONSTRAINT who_asked_for_it_is_neither_person CHECK (((requested_by IS NULL) OR ((proposed_by <> requested_by) AND ((state <> ALL (ARRAY['approved'::text, 'refused'::text])) OR (decided_by <> requested_by))))),
    CONSTRAINT whom_it_concerns_is_neither_person CHECK (((proposed_by <> ALL (concerns)) AND ((state <> ALL (ARRAY['approved'::text, 'refused'::text])) OR (decided_by <> ALL (concerns)))))
);
CREATE TABLE public.schema_migrations (
    series text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.standing (
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    source text NOT NULL,
    state text NOT NULL,
    refuse_issued_before timestamp with time zone NOT NULL,
    CONSTRAINT subject_kind_is_known CHECK ((subject_kind = ANY (ARRAY['applicant'::text, 'user_code'::text, 'session'::text, 'agent'::text])))
);
CREATE TABLE public.unreadable_messages (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    content bytea NOT NULL,
    fault text NOT NULL,
    received_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.access_records ATTACH PARTITION public.access_records_default DEFAULT;
ALTER TABLE ONLY public.mailboxes
    ADD CONSTRAINT a_box_belongs_to_one_applicant UNIQUE (user_code_id, applicant_id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT a_message_is_for_one_applicant UNIQUE (id, applicant_id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT a_position_is_given_once UNIQUE ("position");
ALTER TABLE public.access_records
    ADD CONSTRAINT a_purpose_is_at_most_300_characters CHECK ((length(purpose) <= 300)) NOT VALID;
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT a_sequence_is_given_once_per_key UNIQUE (topic, partitionkey, sequence);
ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT a_sequence_is_parked_once UNIQUE (source, partitionkey, sequence);
ALTER TABLE ONLY public.access_records
    ADD CONSTRAINT access_records_pkey PRIMARY KEY (at, id);
ALTER TABLE ONLY public.access_records_default
    ADD CONSTRAINT access_records_default_pkey PRIMARY KEY (at, id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT an_event_is_in_the_outbox_once UNIQUE (id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (user_code_id, message_id);
ALTER TABLE ONLY public.dpop_proofs
    ADD CONSTRAINT dpop_proofs_pkey PRIMARY KEY (use_hash);
ALTER TABLE ONLY public.evidence_records
    ADD CONSTRAINT evidence_records_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.freshness
    ADD CONSTRAINT freshness_pkey PRIMARY KEY (publisher);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (principal, route, key);
ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.inbox_sequences
    ADD CONSTRAINT inbox_sequences_pkey PRIMARY KEY (source, partitionkey);
ALTER TABLE ONLY public.mailboxes
    ADD CONSTRAINT mailboxes_pkey PRIMARY KEY (user_code_id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (row_number);
ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT parked_events_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.proposals
    ADD CONSTRAINT proposals_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (series, number);
ALTER TABLE ONLY public.standing
    ADD CONSTRAINT standing_pkey PRIMARY KEY (subject_kind, subject_id, source);
ALTER TABLE ONLY public.unreadable_messages
    ADD CONSTRAINT unreadable_messages_pkey PRIMARY KEY (topic, partition, "offset");
CREATE INDEX access_records_about_agents ON ONLY public.access_records USING btree (about_agent_id, at, id) WHERE (about_agent_id IS NOT NULL);
CREATE INDEX access_records_by_applicant ON ONLY public.access_records USING btree (applicant_id, at, id);
CREATE INDEX access_records_by_applicant_of_code ON ONLY public.access_records USING btree (user_code_applicant_id, at, id) WHERE (user_code_applicant_id IS NOT NULL);
CREATE INDEX access_records_by_client ON ONLY public.access_records USING btree (client_id, at, id) WHERE (client_id IS NOT NULL);
CREATE INDEX access_records_by_user_code ON ONLY public.access_records USING btree (user_code_id, at, id);
CREATE INDEX access_records_default_about_agent_id_at_id_idx ON public.access_records_default USING btree (about_agent_id, at, id) WHERE (about_agent_id IS NOT NULL);
CREATE INDEX access_records_of_agents ON ONLY public.access_records USING btree (actor, at, id) WHERE (actor ~~ 'agent:%'::text);
CREATE INDEX access_records_default_actor_at_id_idx ON public.access_records_default USING btree (actor, at, id) WHERE (actor ~~ 'agent:%'::text);
CREATE INDEX access_records_default_applicant_id_at_id_idx ON public.access_records_default USING btree (applicant_id, at, id);
CREATE INDEX access_records_default_client_id_at_id_idx ON public.access_records_default USING btree (client_id, at, id) WHERE (client_id IS NOT NULL);
CREATE INDEX access_records_default_user_code_applicant_id_at_id_idx ON public.access_records_default USING btree (user_code_applicant_id, at, id) WHERE (user_code_applicant_id IS NOT NULL);
CREATE INDEX access_records_default_user_code_id_at_id_idx ON public.access_records_default USING btree (user_code_id, at, id);
CREATE INDEX deliveries_by_message ON public.deliveries USING btree (message_id);
CREATE INDEX dpop_proofs_by_expiry ON public.dpop_proofs USING btree (expires_at);
CREATE INDEX evidence_records_by_applicant ON public.evidence_records USING btree (applicant_id, at, id);
CREATE INDEX evidence_records_by_applicant_of_code ON public.evidence_records USING btree (user_code_applicant_id, at, id) WHERE (user_code_applicant_id IS NOT NULL);
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);
CREATE INDEX inbox_by_age ON public.inbox USING btree (applied_at);
CREATE INDEX mailboxes_by_applicant ON public.mailboxes USING btree (applicant_id);
CREATE INDEX outbox_unassigned ON public.outbox USING btree (row_number) WHERE ("position" IS NULL);
CREATE INDEX outbox_unpublished ON public.outbox USING btree ("position") WHERE (published_at IS NULL);
CREATE INDEX parked_events_by_key ON public.parked_events USING btree (partitionkey);
CREATE INDEX proposals_by_state ON public.proposals USING btree (state, id);
CREATE INDEX proposals_to_collect ON public.proposals USING btree (decided_at) WHERE (sealed_for_proposer IS NOT NULL);
CREATE INDEX proposals_waiting ON public.proposals USING btree (expires_at) WHERE (state = 'proposed'::text);
ALTER INDEX public.access_records_about_agents ATTACH PARTITION public.access_records_default_about_agent_id_at_id_idx;
ALTER INDEX public.access_records_of_agents ATTACH PARTITION public.access_records_default_actor_at_id_idx;
ALTER INDEX public.access_records_by_applicant ATTACH PARTITION public.access_records_default_applicant_id_at_id_idx;
ALTER INDEX public.access_records_by_client ATTACH PARTITION public.access_records_default_client_id_at_id_idx;
ALTER INDEX public.access_records_pkey ATTACH PARTITION public.access_records_default_pkey;
ALTER INDEX public.access_records_by_applicant_of_code ATTACH PARTITION public.access_records_default_user_code_applicant_id_at_id_idx;
ALTER INDEX public.access_records_by_user_code ATTACH PARTITION public.access_records_default_user_code_id_at_id_idx;
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT a_delivery_is_of_its_applicants_message FOREIGN KEY (message_id, applicant_id) REFERENCES public.messages(id, applicant_id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT a_delivery_stands_in_a_box_of_its_applicant FOREIGN KEY (user_code_id, applicant_id) REFERENCES public.mailboxes(user_code_id, applicant_id);
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO mailbox_app;
GRANT SELECT,INSERT ON TABLE public.access_records TO mailbox_app;
GRANT SELECT,INSERT ON TABLE public.deliveries TO mailbox_app;
GRANT UPDATE(opened_at) ON TABLE public.deliveries TO mailbox_app;
GRANT UPDATE(confirmed_at) ON TABLE public.deliveries TO mailbox_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.dpop_proofs TO mailbox_app;
GRANT SELECT,INSERT ON TABLE public.evidence_records TO mailbox_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.freshness TO mailbox_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.idempotency_keys TO mailbox_app;
GRANT UPDATE(status) ON TABLE public.idempotency_keys TO mailbox_app;
GRANT UPDATE(body) ON TABLE public.idempotency_keys TO mailbox_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.inbox TO mailbox_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.inbox_sequences TO mailbox_app;
GRANT SELECT,INSERT ON TABLE public.mailboxes TO mailbox_app;
GRANT UPDATE(role) ON TABLE public.mailboxes TO mailbox_app;
GRANT SELECT,INSERT ON TABLE public.messages TO mailbox_app;
GRANT SELECT,INSERT ON TABLE public.outbox TO mailbox_app;
GRANT UPDATE(sequence) ON TABLE public.outbox TO mailbox_app;
GRANT UPDATE("position") ON TABLE public.outbox TO mailbox_app;
GRANT UPDATE(published_at) ON TABLE public.outbox TO mailbox_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.parked_events TO mailbox_app;
GRANT SELECT,INSERT ON TABLE public.proposals TO mailbox_app;
GRANT UPDATE(state) ON TABLE public.proposals TO mailbox_app;
GRANT UPDATE(decided_by) ON TABLE public.proposals TO mailbox_app;
GRANT UPDATE(decided_at) ON TABLE public.proposals TO mailbox_app;
GRANT UPDATE(refusal_reason) ON TABLE public.proposals TO mailbox_app;
GRANT UPDATE(sealed_for_proposer) ON TABLE public.proposals TO mailbox_app;
GRANT SELECT ON TABLE public.schema_migrations TO mailbox_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.standing TO mailbox_app;
GRANT SELECT,INSERT ON TABLE public.unreadable_messages TO mailbox_app;
