-- Turnovers of the key-encryption key, what waits for one, lockdowns' incidents.

-- A turnover: every living share wrapped anew, then the old key destroyed. The keys themselves stand nowhere in this
-- file; `old_kek` and `new_kek` are ids (docs/FORMAT.md, kek_id).
CREATE TABLE turnover (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  old_kek BLOB NOT NULL CHECK (length(old_kek) = 16),
  new_kek BLOB NOT NULL CHECK (length(new_kek) = 16),
  cause TEXT NOT NULL,                  -- 'schedule', 'admin', 'lockdown', 'resumed'
  actor TEXT,                           -- 'user:<name>' who asked for it; NULL: nobody did
  reason TEXT,
  begun_ms INTEGER NOT NULL,
  wrapped INTEGER NOT NULL DEFAULT 0,   -- shares and seal keys wrapped anew
  destroyed_ms INTEGER,                 -- when the old key was gone; NULL: under way
  unrecoverable_ms INTEGER,             -- when the last copy in a backup's key part is, at the latest
  leaf INTEGER                          -- 0d
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX turnover_open ON turnover(leaf IS NULL) WHERE leaf IS NULL;
CREATE INDEX turnover_by_old ON turnover(old_kek);

-- Key parts of backups, as far as they hold a key-encryption key: whoever writes one, or destroys one, notes it here in
-- the same breath. The newest destroy_by_ms of a key's parts bounds `unrecoverable_at` of what that key wrapped.
CREATE TABLE key_part (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  kek_id BLOB NOT NULL CHECK (length(kek_id) = 16),
  made_ms INTEGER NOT NULL,
  destroy_by_ms INTEGER NOT NULL,       -- made + backup.key_horizon at the latest
  destroyed_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX key_part_by_kek ON key_part(kek_id);

-- The newest key that may have wrapped this recording's shares, as of their destruction; when it was turned over, and
-- from when on no copy of it is left.
ALTER TABLE erasure ADD COLUMN kek_id BLOB CHECK (kek_id IS NULL OR length(kek_id) = 16);
ALTER TABLE erasure ADD COLUMN turnover_leaf INTEGER;
ALTER TABLE erasure ADD COLUMN unrecoverable_ms INTEGER;
ALTER TABLE erasure ADD COLUMN batch BLOB CHECK (batch IS NULL OR length(batch) = 16); -- the proposal that ordered it
CREATE INDEX erasure_recoverable ON erasure(kek_id, erased_ms) WHERE turnover_leaf IS NULL;
CREATE INDEX erasure_uncertified ON erasure(ordered_ms) WHERE certificate IS NULL;
CREATE INDEX erasure_by_batch ON erasure(batch) WHERE batch IS NOT NULL;

-- Incidents (GDPR art. 33): 72 hours from when one became aware.
CREATE TABLE incident (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  tenant INTEGER REFERENCES tenant(id), -- NULL: all
  summary TEXT NOT NULL,
  aware_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  opened_by TEXT NOT NULL,
  opened_ms INTEGER NOT NULL,
  lockdown INTEGER NOT NULL DEFAULT 0,  -- opened by one
  notified_ms INTEGER,                  -- when the authority was told
  closed_by TEXT,
  closed_ms INTEGER,
  outcome TEXT CHECK (outcome IN ('notified', 'no-risk', 'false-alarm')),
  leaf INTEGER NOT NULL,
  closed_leaf INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_open ON incident(due_ms) WHERE closed_ms IS NULL;

CREATE TABLE incident_note (
  seq INTEGER PRIMARY KEY,
  incident BLOB NOT NULL REFERENCES incident(id),
  at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX incident_note_by_incident ON incident_note(incident);
