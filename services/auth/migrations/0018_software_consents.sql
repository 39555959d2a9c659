-- What a person allows a vendor's product to do for the applicant that they act for. Withdrawing deletes the row;
-- the evidence of both stays.
CREATE TABLE software_consents (
    user_code_id  uuid NOT NULL,
    applicant_id  uuid NOT NULL,
    product       text NOT NULL,
    scope         text[] NOT NULL,
    language      text NOT NULL,
    given_at      timestamptz NOT NULL,
    PRIMARY KEY (user_code_id, applicant_id, product),
    CONSTRAINT something_is_consented_to CHECK (cardinality(scope) > 0)
);
GRANT SELECT, INSERT, DELETE ON software_consents TO :app;
GRANT UPDATE (scope, language, given_at) ON software_consents TO :app;

-- Who makes the product, and whether a request wants the page shown again. The previous release knows neither.
ALTER TABLE clients
    ADD COLUMN vendor  text,
    ADD CONSTRAINT only_software_has_a_vendor CHECK (vendor IS NULL OR kind = 'software');
GRANT UPDATE (vendor) ON clients TO :app;
ALTER TABLE authorization_requests ADD COLUMN asks_consent boolean NOT NULL DEFAULT false;
