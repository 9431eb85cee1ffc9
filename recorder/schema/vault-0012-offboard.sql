-- Platforms that leave (R30): exported to the leaver's key, then erased, with one certificate. The tenant's row stays, for
-- its number stands in leaves; what is personal of it goes.

ALTER TABLE tenant ADD COLUMN left_ms INTEGER; -- from here on no new session, key or webhook; NULL: it stays

CREATE TABLE offboarding (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  tenant INTEGER NOT NULL UNIQUE REFERENCES tenant(id),
  state TEXT NOT NULL CHECK (state IN ('ordered', 'exported', 'erasing', 'erased')),
  recipient TEXT NOT NULL,              -- the leaver's age recipient; '' when it came back by the journal alone
  reason TEXT NOT NULL,
  ordered_by TEXT NOT NULL,             -- the two admins
  confirmed_by TEXT NOT NULL,
  ordered_ms INTEGER NOT NULL,
  exported_by TEXT,
  exported_ms INTEGER,
  export_sha256 BLOB CHECK (export_sha256 IS NULL OR length(export_sha256) = 32), -- of the export's SHA256SUMS
  exported INTEGER,                     -- recordings in it
  left_out INTEGER,                     -- living ones that were not
  erase_by TEXT,
  unexported TEXT,                      -- why it is erased without an export
  sessions INTEGER,                     -- what was erased
  recordings INTEGER,
  kek_id BLOB CHECK (kek_id IS NULL OR length(kek_id) = 16), -- as in erasure, and what follows too
  erased_ms INTEGER,
  leaf INTEGER,
  certificate TEXT,
  turnover_leaf INTEGER,
  unrecoverable_ms INTEGER
) STRICT, WITHOUT ROWID;

-- That it is to be erased is known outside the backups, so that none brings the platform's data back.
CREATE TRIGGER journal_offboarding AFTER UPDATE OF state ON offboarding WHEN NEW.state = 'erasing' AND OLD.state <> 'erasing' BEGIN
  INSERT INTO journal_due (event, id, number, at_ms) VALUES ('tenant_left', NEW.id, NEW.tenant, NEW.ordered_ms);
END;
