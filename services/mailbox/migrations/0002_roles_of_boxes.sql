-- Whom a code belongs to, as far as notifications need it; null where no event has told yet.
ALTER TABLE mailboxes ADD COLUMN role text
    CONSTRAINT role_is_known CHECK (role IN ('person_in_charge', 'user'));
GRANT UPDATE (role) ON mailboxes TO :app;
CREATE INDEX mailboxes_by_applicant ON mailboxes (applicant_id);
