-- Witnesses (C2SP tlog-witness): others who saw the log grow, and their word for it.

CREATE TABLE witness (
  origin TEXT NOT NULL,                 -- the log's name: it may go on under another
  key TEXT NOT NULL,                    -- the witness's verifier key
  size INTEGER NOT NULL DEFAULT 0,      -- of the newest checkpoint it is known to have
  seen_ms INTEGER,                      -- when it last cosigned
  trouble TEXT,                         -- how the last try ended, NULL when it cosigned
  trouble_ms INTEGER,
  doubt TEXT CHECK (doubt IS NULL OR doubt IN ('ahead', 'other')), -- it knows more than we do, or other
  doubt_size INTEGER,                   -- the size it then told, or that was refused
  doubt_ms INTEGER,
  PRIMARY KEY (origin, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE cosignature (
  origin TEXT NOT NULL,
  size INTEGER NOT NULL,                -- of the checkpoint under it
  key TEXT NOT NULL,
  line TEXT NOT NULL,                   -- the signature line, with its end
  seen_ms INTEGER NOT NULL,
  PRIMARY KEY (origin, size, key)
) STRICT, WITHOUT ROWID;
