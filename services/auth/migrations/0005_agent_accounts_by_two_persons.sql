-- Accounts are created and changed by two persons; what the installation made stays its own until they do.
ALTER TABLE agent_accounts
    ADD COLUMN state text NOT NULL DEFAULT 'active',
    ADD COLUMN password_set_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN password_is_one_time boolean NOT NULL DEFAULT false,
    ADD COLUMN password_expires_at timestamptz,
    ADD COLUMN is_installed boolean NOT NULL DEFAULT true,
    ADD CONSTRAINT agent_state_is_known CHECK (state IN ('active', 'disabled')),
    ADD CONSTRAINT a_one_time_password_of_an_agent_expires
        CHECK (password_is_one_time = (password_expires_at IS NOT NULL)),
    ADD CONSTRAINT the_installation_disables_nobody CHECK (state = 'active' OR NOT is_installed);
UPDATE agent_accounts SET password_set_at = installed_at;
GRANT UPDATE (state, password_set_at, password_is_one_time, password_expires_at, is_installed)
    ON agent_accounts TO :app;
CREATE INDEX sessions_by_agent ON sessions (agent_id) WHERE ended_at IS NULL;
