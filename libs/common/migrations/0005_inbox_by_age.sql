-- What was applied is forgotten after a while: the sequence of its key goes on telling that it was seen.
CREATE INDEX inbox_by_age ON inbox (applied_at);
GRANT DELETE ON inbox TO :app;
