-- An auditor lists what one client or one agent did. Agents' calls are few, so theirs alone are indexed by actor.
CREATE INDEX access_records_by_client ON access_records (client_id, at, id) WHERE client_id IS NOT NULL;
CREATE INDEX access_records_of_agents ON access_records (actor, at, id) WHERE actor LIKE 'agent:%';
