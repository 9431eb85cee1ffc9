-- Policies: which documents bind a session, and what follows from them for each recording, purpose by purpose.

-- A document of kind 'region', by name; NULL: none.
ALTER TABLE tenant ADD COLUMN region TEXT;

-- Who set a version: 'user:<name>'; NULL: it was shipped.
ALTER TABLE policy ADD COLUMN set_by TEXT;

-- The tenant's policy and region when the session was made, so that later changes never lengthen its terms.
CREATE TABLE session_rule (
  session BLOB NOT NULL REFERENCES session(id),
  level TEXT NOT NULL CHECK (level IN ('tenant', 'region')),
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (session, level)
) STRICT, WITHOUT ROWID;

-- When current use ends and only cases an admin approves remain (R17); NULL on recordings older than this.
ALTER TABLE recording ADD COLUMN archives_ms INTEGER;
-- The place its bytes were written to, by the region's label; NULL: no region.
ALTER TABLE recording ADD COLUMN storage TEXT;
CREATE INDEX recording_by_archive ON recording(archives_ms) WHERE state = 'sealed';

-- The end of each purpose for one recording, and whose rule set it. Ends only ever move closer.
CREATE TABLE term (
  recording BLOB NOT NULL REFERENCES recording(id),
  purpose TEXT NOT NULL,
  ends_ms INTEGER NOT NULL,
  archives_ms INTEGER NOT NULL,
  level TEXT NOT NULL CHECK (level IN ('policy', 'tenant', 'region')),
  name TEXT NOT NULL,                   -- the document that decided
  version INTEGER NOT NULL,
  basis TEXT NOT NULL CHECK (basis IN ('off', 'period', 'decision', 'protected')),
  PRIMARY KEY (recording, purpose)
) STRICT, WITHOUT ROWID;

-- A certification that was decided: from here its purpose has its last months.
CREATE TABLE decision (
  recording BLOB PRIMARY KEY REFERENCES recording(id),
  decided_ms INTEGER NOT NULL,
  recorded_by TEXT NOT NULL,
  recorded_ms INTEGER NOT NULL,
  leaf INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
