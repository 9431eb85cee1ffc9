-- The restricted archive of proofs of consent (R40). When nothing of a session lives any more, what proves its consents is
-- sealed into one row under a key of its own in keys.db, and stands nowhere else. At the end that key is destroyed, and with
-- it every other row about the session: the log keeps its leaves, which then say nothing but their place and time.

CREATE TABLE proof (
  session BLOB PRIMARY KEY CHECK (length(session) = 16), -- no reference: it outlives what a tenant's leaving erases
  tenant INTEGER NOT NULL,
  sealed BLOB NOT NULL,                 -- nonce, then XChaCha20-Poly1305 of an RFC 8785 document (docs/FORMAT.md)
  base_ms INTEGER NOT NULL,             -- its last recording's erasure; the session's end where there was none
  until_ms INTEGER NOT NULL,            -- base + the shortest `consent_proof_days` of the rules that bind the session
  kept_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX proof_by_end ON proof(until_ms);

-- 1: in the archive, and its text, key, signature and the opening of its leaf are not here.
ALTER TABLE consent ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;

-- What a leaf is about, as far as its body can still be read: to find all openings about one session without reading the
-- whole log. Bodies are RFC 8785, in which this finds members alone (a quotation mark in a text is escaped); SQLite takes no
-- JSON function in an index of a database that it is told not to trust.
CREATE INDEX leaf_about ON leaf(CASE
  WHEN instr(body, '"session":"') THEN substr(body, instr(body, '"session":"') + 11, 36)
  WHEN instr(body, '"recording":"') THEN substr(body, instr(body, '"recording":"') + 13, 36)
  WHEN instr(body, '"grant":"') THEN substr(body, instr(body, '"grant":"') + 9, 36)
  END) WHERE body IS NOT NULL;
