-- Backups, journal, restore (docs/FORMAT.md, Backups and journal).

-- What the journal has not got yet, in order; written by the triggers below, in the transaction of the event itself.
CREATE TABLE journal_due (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  event TEXT NOT NULL,
  id BLOB,                              -- recording, grant, session or key hash
  role INTEGER,
  number INTEGER,                       -- user, token number
  word TEXT,                            -- cause, or JSON array of purposes
  at_ms INTEGER NOT NULL
) STRICT;

CREATE TRIGGER journal_consent AFTER INSERT ON consent WHEN NEW.event <> 'ConsentGiven' BEGIN
  INSERT INTO journal_due (event, id, role, word, at_ms)
  VALUES (CASE NEW.event WHEN 'ConsentRefused' THEN 'refused' ELSE 'withdrawn' END, NEW.session, NEW.role, NEW.purposes,
          NEW.received_ms);
END;
-- From the order on, not from its end: what was decided must not come back either.
CREATE TRIGGER journal_erasure AFTER INSERT ON erasure BEGIN
  INSERT INTO journal_due (event, id, word, at_ms) VALUES ('erasure', NEW.recording, NEW.cause, NEW.ordered_ms);
END;
CREATE TRIGGER journal_grant AFTER UPDATE OF revoked_ms ON grant_ WHEN NEW.revoked_ms IS NOT NULL AND OLD.revoked_ms IS NULL BEGIN
  INSERT INTO journal_due (event, id, at_ms) VALUES ('grant_revoked', NEW.id, NEW.revoked_ms);
END;
CREATE TRIGGER journal_api_key AFTER UPDATE OF revoked_ms ON api_key WHEN NEW.revoked_ms IS NOT NULL AND OLD.revoked_ms IS NULL BEGIN
  INSERT INTO journal_due (event, id, at_ms) VALUES ('api_key_revoked', NEW.hash, NEW.revoked_ms);
END;
CREATE TRIGGER journal_user AFTER UPDATE OF disabled_ms ON user_ WHEN NEW.disabled_ms IS NOT OLD.disabled_ms BEGIN
  INSERT INTO journal_due (event, number, at_ms)
  VALUES (CASE WHEN NEW.disabled_ms IS NULL THEN 'user_enabled' ELSE 'user_disabled' END, NEW.id, coalesce(NEW.disabled_ms, 0));
END;
CREATE TRIGGER journal_token AFTER UPDATE OF token_number ON party WHEN NEW.token_number > OLD.token_number BEGIN
  INSERT INTO journal_due (event, id, role, number, at_ms) VALUES ('token_renewed', NEW.session, NEW.role, NEW.token_number, 0);
END;
CREATE TRIGGER journal_restricted AFTER UPDATE OF state ON recording WHEN (NEW.state = 'restricted') <> (OLD.state = 'restricted')
  AND NEW.state <> 'erased' BEGIN
  INSERT INTO journal_due (event, id, at_ms)
  VALUES (CASE NEW.state WHEN 'restricted' THEN 'restricted' ELSE 'unrestricted' END, NEW.id, 0);
END;

-- Where the log goes on under another name, after a restore that could not bring all of it back.
CREATE TABLE log_continued (
  number INTEGER PRIMARY KEY,
  origin TEXT NOT NULL UNIQUE,          -- from here on
  old_origin TEXT NOT NULL,
  old_size INTEGER NOT NULL,            -- the newest known of the old log
  old_root BLOB NOT NULL CHECK (length(old_root) = 32),
  kept INTEGER NOT NULL,                -- leaves that came back
  continued_ms INTEGER NOT NULL
) STRICT;

-- Restored without a journal that reaches the newest checkpoint known: frozen until an admin releases it.
CREATE TABLE frozen (
  recording BLOB PRIMARY KEY REFERENCES recording(id),
  state TEXT NOT NULL                   -- what it comes back to
) STRICT, WITHOUT ROWID;
CREATE TABLE frozen_session (
  session BLOB PRIMARY KEY REFERENCES session(id)
) STRICT, WITHOUT ROWID;
-- Whoever lifts a restriction of its own does not unfreeze.
CREATE TRIGGER frozen_stays AFTER UPDATE OF state ON recording WHEN NEW.state IN ('sealed', 'archived')
  AND EXISTS (SELECT 1 FROM frozen WHERE recording = NEW.id) BEGIN
  UPDATE recording SET state = 'restricted' WHERE id = NEW.id;
END;
