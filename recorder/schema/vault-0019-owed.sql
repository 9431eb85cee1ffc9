-- Leaves that the log owes: what happened while it was stopped and could not wait (recorder/ledger/ledger.h). Until then the
-- row that would hold the leaf's index holds -number.
CREATE TABLE leaf_owed (
  number INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
  type INTEGER NOT NULL,
  body TEXT NOT NULL                        -- canonical JSON, with "happened"
) STRICT;
