-- vault.db: requests of persons in full (R18, R20, R21, R23) and the archives made for portability.
-- Personal data: request.detail, .wish, .answer, .extension; request_item.note.

CREATE TABLE request_next (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  session BLOB NOT NULL,
  role INTEGER NOT NULL,
  type TEXT NOT NULL,
  detail TEXT NOT NULL,
  wish TEXT,                            -- JSON: {"changes":{…}} of a rectification, {"purposes":[…]} of an objection
  state TEXT NOT NULL CHECK (state IN ('open', 'extended', 'refused', 'done', 'lifted')),
  opened_by TEXT NOT NULL DEFAULT 'person', -- or 'user:<name>', on the person's behalf
  created_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  extended_ms INTEGER,
  extension TEXT,                       -- why it takes two months longer, as told to the person
  answered_ms INTEGER,
  answer TEXT,
  article TEXT,                         -- of a refusal
  lifts_ms INTEGER,                     -- the announced end of a restriction (art. 18(3))
  told INTEGER NOT NULL DEFAULT 0,      -- bit 0: due within a week, bit 1: overdue was told to staff
  leaf INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO request_next (id, session, role, type, detail, state, created_ms, due_ms, answered_ms, answer, leaf)
  SELECT id, session, role, type, detail, state, created_ms, due_ms, answered_ms, answer, leaf FROM request;
DROP TABLE request;
ALTER TABLE request_next RENAME TO request;
CREATE INDEX request_by_session ON request(session, role);
CREATE INDEX request_waiting ON request(due_ms) WHERE state IN ('open', 'extended');

-- What an erasure request reminds people to destroy outside the system (R23), each ticked by a named person.
CREATE TABLE request_item (
  request BLOB NOT NULL REFERENCES request(id),
  number INTEGER NOT NULL,              -- from 1
  item TEXT NOT NULL,
  ticked_by TEXT,
  ticked_ms INTEGER,
  note TEXT,
  PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;

-- One encrypted archive per portability request, in vault/archives/<request>.age. No passphrase or file key is kept.
CREATE TABLE archive (
  request BLOB PRIMARY KEY REFERENCES request(id),
  state TEXT NOT NULL CHECK (state IN ('making', 'ready', 'failed', 'erased')),
  lock TEXT NOT NULL CHECK (lock IN ('passphrase', 'recipient')),
  created_ms INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,      -- bytes of media read so far, of `total`
  total INTEGER NOT NULL DEFAULT 0,
  size INTEGER,                         -- of the file, once ready
  ready_ms INTEGER,
  fetched_ms INTEGER,                   -- its last byte was handed out
  erased_ms INTEGER,
  failure TEXT
) STRICT, WITHOUT ROWID;

-- Why a hold was lifted before its end, and the leaf that says it ended by itself (R20).
ALTER TABLE hold ADD COLUMN lift_reason TEXT;
ALTER TABLE hold ADD COLUMN ended_leaf INTEGER;

-- Passages to be erased from a recording (R32). What remains becomes a recording of its own, `into_`, under new identities;
-- the old one is erased whole.
CREATE TABLE passage (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  recording BLOB NOT NULL REFERENCES recording(id),
  into_ BLOB REFERENCES recording(id),
  role INTEGER NOT NULL,                -- who asked
  from_ms INTEGER NOT NULL,             -- in the recording's file time, which the remainder keeps
  to_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('ordered', 'making', 'done', 'failed')),
  ordered_ms INTEGER NOT NULL,
  done_ms INTEGER,
  failure TEXT,
  leaf INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passage_by_recording ON passage(recording);
CREATE INDEX passage_by_into ON passage(into_);
