-- keys.db, schema 2: the key of each session's sealed proof of consent (recorder/proof/proof.h), wrapped like shares. What
-- destroys the row destroys what the proof says (R40).
CREATE TABLE proof_key (
  session BLOB PRIMARY KEY CHECK (length(session) = 16),
  kek_id BLOB NOT NULL CHECK (length(kek_id) = 16),
  nonce BLOB NOT NULL CHECK (length(nonce) = 24),
  wrapped BLOB NOT NULL CHECK (length(wrapped) = 48),
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
