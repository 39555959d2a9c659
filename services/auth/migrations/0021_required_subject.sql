-- The one person, as the client knows them, of whom a request may be answered.
ALTER TABLE authorization_requests ADD COLUMN required_subject text;
