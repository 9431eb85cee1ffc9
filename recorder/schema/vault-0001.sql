-- vault.db, schema 1. Ids are 16-byte UUIDs, times ms since the Unix epoch (UTC), hashes SHA-256.
-- Personal data: party.*, user_.name, statement.text. Nothing secret is in this file: shares and keys are in keys.db.

CREATE TABLE tenant (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  policy TEXT NOT NULL DEFAULT 'default',
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE api_key (
  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
  tenant INTEGER NOT NULL REFERENCES tenant(id),
  label TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  revoked_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE policy (
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  document TEXT NOT NULL,               -- JSON
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

-- Every notice ever shown, by its hash.
CREATE TABLE notice (
  sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
  version TEXT NOT NULL,
  lang TEXT NOT NULL,
  document TEXT NOT NULL,               -- RFC 8785, all members but sha256 and seal
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  tenant INTEGER NOT NULL REFERENCES tenant(id),
  reference TEXT NOT NULL,
  policy TEXT NOT NULL,
  policy_version INTEGER NOT NULL,
  sensitivity TEXT NOT NULL CHECK (sensitivity IN ('standard', 'protected', 'unrecorded')),
  e2ee TEXT NOT NULL DEFAULT 'off',
  video_codec TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('created', 'active', 'ended')),
  paused INTEGER NOT NULL DEFAULT 0,    -- bit 0: the coach, bit 1: the coachee wants it off the record
  created_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  idempotency_key TEXT,
  request_sha256 BLOB,                  -- of the creating body, so that a key reused for another body is refused
  UNIQUE (tenant, idempotency_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE party (
  session BLOB NOT NULL REFERENCES session(id),
  role INTEGER NOT NULL CHECK (role IN (1, 2)),
  pii_principal TEXT NOT NULL,          -- the platform's id of the person
  name TEXT,
  locale TEXT NOT NULL,
  minor INTEGER NOT NULL DEFAULT 0,
  given_key BLOB,                       -- Ed25519 key given by the platform: the only one accepted
  token_number INTEGER NOT NULL DEFAULT 0,
  token_hash BLOB NOT NULL UNIQUE,      -- SHA-256 of the current token
  token_expires_ms INTEGER,             -- set when the last recording is erased
  PRIMARY KEY (session, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX party_by_principal ON party(pii_principal);

-- Tokens that were replaced: told apart from unknown ones only in that they never come back.
CREATE TABLE revoked_token (
  hash BLOB PRIMARY KEY,
  revoked_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
  session BLOB NOT NULL,
  role INTEGER NOT NULL,
  key BLOB NOT NULL CHECK (length(key) = 32),
  enrolled_ms INTEGER NOT NULL,
  replaced_ms INTEGER,                  -- another device was announced after it
  PRIMARY KEY (session, role, key),
  FOREIGN KEY (session, role) REFERENCES party(session, role)
) STRICT, WITHOUT ROWID;

-- The log. `body` and `salt` are the opening; NULL once it was destroyed (R40).
CREATE TABLE leaf (
  idx INTEGER PRIMARY KEY,              -- 0-based
  leaf BLOB NOT NULL CHECK (length(leaf) = 34),
  salt BLOB,
  body TEXT,
  created_ms INTEGER NOT NULL
) STRICT;

-- Hashes of complete subtrees: level 0 are leaf hashes, (level, idx) covers leaves idx*2^level … (idx+1)*2^level - 1.
CREATE TABLE node (
  level INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoint (
  size INTEGER PRIMARY KEY,
  text TEXT NOT NULL,                   -- C2SP signed note
  created_ms INTEGER NOT NULL
) STRICT;

-- Accepted decisions, in order. A person's state per purpose is a fold over these.
CREATE TABLE consent (
  seq INTEGER PRIMARY KEY,
  record_id BLOB UNIQUE,                -- NULL when unsigned and without a usable one
  session BLOB NOT NULL,
  role INTEGER NOT NULL,
  event TEXT NOT NULL CHECK (event IN ('ConsentGiven', 'ConsentRefused', 'ConsentWithdrawn')),
  purposes TEXT NOT NULL,               -- JSON array
  event_ms INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  evidence TEXT NOT NULL CHECK (evidence IN ('signed', 'unsigned')),
  presence INTEGER NOT NULL DEFAULT 0,  -- the statement's "presence", seconds; 0 = none promised
  notice BLOB REFERENCES notice(sha256),
  text TEXT,                            -- the statement as sent
  key BLOB,
  signature BLOB,
  leaf INTEGER,                         -- NULL only while the log cannot be written (an unsigned withdrawal)
  FOREIGN KEY (session, role) REFERENCES party(session, role)
) STRICT;
CREATE INDEX consent_by_party ON consent(session, role, seq);

CREATE TABLE recording (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  session BLOB NOT NULL REFERENCES session(id),
  state TEXT NOT NULL CHECK (state IN ('recording', 'sealed', 'archived', 'restricted', 'erased')),
  created_ms INTEGER NOT NULL,
  sealed_ms INTEGER,
  expires_ms INTEGER,                   -- when retention erases it; NULL while recording
  erased_ms INTEGER,
  coach_consent INTEGER NOT NULL,       -- leaf indexes of the two gives
  coachee_consent INTEGER NOT NULL,
  coach_record BLOB NOT NULL,           -- their record_ids (share slots 01, 02)
  coachee_record BLOB NOT NULL,
  coach_recipient BLOB NOT NULL CHECK (length(coach_recipient) = 32),
  coachee_recipient BLOB NOT NULL CHECK (length(coachee_recipient) = 32),
  duration_ms INTEGER,
  manifest TEXT,                        -- RFC 8785
  manifest_signature BLOB,
  sealed_leaf INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX recording_by_session ON recording(session);
CREATE INDEX recording_by_expiry ON recording(expires_ms) WHERE state <> 'erased';

-- One opening of the gate each.
CREATE TABLE epoch (
  generation INTEGER PRIMARY KEY,       -- random 63 bits
  session BLOB NOT NULL REFERENCES session(id),
  recording BLOB NOT NULL REFERENCES recording(id),
  number INTEGER NOT NULL,              -- 1, 2, … within the recording
  opened_ms INTEGER NOT NULL,
  closed_ms INTEGER,
  opened_leaf INTEGER NOT NULL,
  closed_leaf INTEGER,
  reasons INTEGER,                      -- AP_GATE_REASON bits at closing
  stats TEXT                            -- JSON: what the capture reported (file times, packets, lost, …)
) STRICT;
CREATE INDEX epoch_by_session ON epoch(session);

CREATE TABLE segment (
  recording BLOB NOT NULL REFERENCES recording(id),
  role INTEGER NOT NULL,
  number INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  size INTEGER NOT NULL,
  plain_offset INTEGER NOT NULL,        -- of its first byte in the WebM
  plain_size INTEGER NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  clusters BLOB NOT NULL,               -- 17 bytes each: offset(8) time_ms(8) keyframe(1), big endian
  PRIMARY KEY (recording, role, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_ (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL CHECK (role IN ('platform', 'coach', 'supervisor', 'admin', 'auditor', 'sponsor')),
  tenant INTEGER REFERENCES tenant(id),
  party_id TEXT,                        -- links a coach to their pii_principal
  password TEXT NOT NULL,               -- Argon2id, libsodium's string form
  totp_step INTEGER NOT NULL DEFAULT 0, -- last used time step
  failures INTEGER NOT NULL DEFAULT 0,
  locked_until_ms INTEGER NOT NULL DEFAULT 0,
  code_of_conduct INTEGER NOT NULL DEFAULT 0, -- version acknowledged
  created_ms INTEGER NOT NULL,
  disabled_ms INTEGER
) STRICT;

CREATE TABLE login (
  token_hash BLOB PRIMARY KEY,
  user INTEGER NOT NULL REFERENCES user_(id),
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE grant_ (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  recording BLOB NOT NULL REFERENCES recording(id),
  supervisor INTEGER NOT NULL REFERENCES user_(id),
  purpose TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  revoked_ms INTEGER,
  leaf INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX grant_by_supervisor ON grant_(supervisor);
CREATE INDEX grant_by_recording ON grant_(recording);

CREATE TABLE access (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  recording BLOB NOT NULL REFERENCES recording(id),
  actor TEXT NOT NULL,                  -- 'user:<name>' or 'party:coach' or 'party:coachee'
  purpose TEXT NOT NULL,
  reason TEXT NOT NULL,
  grant_id BLOB,
  begun_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  bytes INTEGER NOT NULL DEFAULT 0,
  begun_leaf INTEGER NOT NULL,
  ended_leaf INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX access_by_recording ON access(recording);
CREATE INDEX access_open ON access(expires_ms) WHERE ended_ms IS NULL;

-- An erasure under way or done; each step is resumed from here after a crash.
CREATE TABLE erasure (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  recording BLOB NOT NULL UNIQUE REFERENCES recording(id),
  cause TEXT NOT NULL,                  -- 'withdrawal', 'request', 'expiry', 'admin', …
  step TEXT NOT NULL CHECK (step IN ('ordered', 'shares', 'bytes', 'erased')),
  ordered_ms INTEGER NOT NULL,
  erased_ms INTEGER,
  ordered_leaf INTEGER NOT NULL,
  erased_leaf INTEGER,
  certificate TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX erasure_open ON erasure(step) WHERE step <> 'erased';

CREATE TABLE request (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  session BLOB NOT NULL,
  role INTEGER NOT NULL,
  type TEXT NOT NULL,
  detail TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'extended', 'refused', 'done')),
  created_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  answered_ms INTEGER,
  answer TEXT,
  leaf INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE hold (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  recording BLOB NOT NULL REFERENCES recording(id),
  ground TEXT NOT NULL,
  reason TEXT NOT NULL,
  proposed_by TEXT NOT NULL,
  confirmed_by TEXT,
  created_ms INTEGER NOT NULL,
  ends_ms INTEGER NOT NULL,
  lifted_ms INTEGER,
  lifted_by TEXT,
  leaf INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_by_recording ON hold(recording);

-- What needs two admins: proposed by one, carried out when another confirms it.
CREATE TABLE proposal (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  action TEXT NOT NULL,                 -- 'hold', 'hold.lift', 'erasure'
  body TEXT NOT NULL,                   -- JSON of the first call
  proposed_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  confirmed_by TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook (
  tenant INTEGER NOT NULL REFERENCES tenant(id),
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  events TEXT NOT NULL,                 -- JSON array
  PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_delivery (
  id BLOB PRIMARY KEY,
  tenant INTEGER NOT NULL,
  name TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_ms INTEGER NOT NULL,
  delivered_ms INTEGER
) STRICT, WITHOUT ROWID;

-- The clock's guard: wall against monotonic time at the last scan that was kept, and the boot both belong to.
CREATE TABLE clock_guard (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  wall_ms INTEGER NOT NULL,
  mono_ns INTEGER NOT NULL,
  boot TEXT NOT NULL,
  confirmed_ms INTEGER NOT NULL
) STRICT;

-- What the vault remembers about itself: 'lockdown'.
CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
