-- Who may see what (R8, R10-R15): a second person's approval, the code of conduct, the periodic review, and notes of
-- viewers, which lie here only as ciphertext.

ALTER TABLE user_ ADD COLUMN conduct_ms INTEGER;  -- when code_of_conduct was acknowledged
ALTER TABLE user_ ADD COLUMN reviewed_ms INTEGER; -- when an admin last confirmed that this user is still needed
ALTER TABLE grant_ ADD COLUMN reviewed_ms INTEGER;
ALTER TABLE access ADD COLUMN approval BLOB;      -- under which approval it was begun; NULL: it needed none

-- A version of the code of conduct, in one language. Never changed: a change is a new version.
CREATE TABLE conduct (
  version INTEGER NOT NULL,
  lang TEXT NOT NULL CHECK (lang IN ('fr', 'en')),
  document TEXT NOT NULL,               -- RFC 8785
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (version, lang)
) STRICT, WITHOUT ROWID;

-- Somebody asked to see a recording that needs a second person's word.
CREATE TABLE approval (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  recording BLOB NOT NULL REFERENCES recording(id),
  actor TEXT NOT NULL,                  -- 'user:<name>', who asks
  purpose TEXT NOT NULL,                -- of the access; 'export' too
  reason TEXT NOT NULL,
  four_eyes INTEGER NOT NULL,           -- the recording's session is protected
  admin INTEGER NOT NULL,               -- it is in its archive phase: only an admin's word counts
  created_ms INTEGER NOT NULL,
  lapses_ms INTEGER NOT NULL,           -- unanswered until then, it is as if it had not been asked
  decided_ms INTEGER,
  decided_by TEXT,
  approved INTEGER,                     -- 1 or 0 once decided
  until_ms INTEGER,                     -- an approval's end
  asked_leaf INTEGER NOT NULL,
  decided_leaf INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_by_recording ON approval(recording);

-- Timecoded notes. `sealed` is an age file for the recording's third identity (docs/FORMAT.md, u = 03), so that what
-- destroys the recording's shares makes them unreadable too; the rows go with its bytes.
CREATE TABLE note (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  recording BLOB NOT NULL REFERENCES recording(id),
  author INTEGER NOT NULL REFERENCES user_(id),
  at_ms INTEGER NOT NULL,               -- time in the recording
  created_ms INTEGER NOT NULL,
  changed_ms INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX note_by_recording ON note(recording);
