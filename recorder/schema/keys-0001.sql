-- keys.db, schema 1: wrapped shares and the vault's own keys. Apart from vault.db so that a destroyed share leaves
-- nothing behind: secure_delete, and a truncating checkpoint that no reader holds up.

-- slot 1, 2: a person's share, one per give of `recording` (owner = record_id); slot 3: the vault's share of one
-- recording (owner = recording id).
CREATE TABLE share (
  owner BLOB NOT NULL CHECK (length(owner) = 16),
  slot INTEGER NOT NULL CHECK (slot IN (1, 2, 3)),
  session BLOB NOT NULL CHECK (length(session) = 16),
  kek_id BLOB NOT NULL CHECK (length(kek_id) = 16),
  nonce BLOB NOT NULL CHECK (length(nonce) = 24),
  wrapped BLOB NOT NULL CHECK (length(wrapped) = 48),
  pending INTEGER NOT NULL DEFAULT 1,   -- 1 until vault.db holds what it belongs to; orphans are swept at start
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (owner, slot)
) STRICT, WITHOUT ROWID;

-- Private halves of the notice answers' seal keys (HPKE, X25519), per session and party; wrapped like shares.
CREATE TABLE seal (
  session BLOB NOT NULL,
  role INTEGER NOT NULL,
  public BLOB NOT NULL CHECK (length(public) = 32),
  kek_id BLOB NOT NULL,
  nonce BLOB NOT NULL,
  wrapped BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (session, role, public)
) STRICT, WITHOUT ROWID;

-- The vault's own secrets, not under the KEK (withdrawals and erasures must work without it): "log" (Ed25519 seed),
-- "manifest", "certificate", "webhook", "token" (token derivation), "totp:<user>".
CREATE TABLE server_key (
  name TEXT PRIMARY KEY,
  secret BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The highest checkpoint known: the log must never be behind it.
CREATE TABLE known_checkpoint (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL,
  root BLOB NOT NULL
) STRICT;
