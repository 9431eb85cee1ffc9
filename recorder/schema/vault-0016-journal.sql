-- What else a restore must not undo: holds and their lifting, policies, tenants' rules, credentials that were replaced,
-- approvals that were taken back (recorder/backup/journal.h).

ALTER TABLE journal_due ADD COLUMN other BLOB; -- a second id
ALTER TABLE journal_due ADD COLUMN more TEXT;  -- a policy's document, a region

-- Without its reason, which may say more than a journal should.
CREATE TRIGGER journal_hold AFTER INSERT ON hold BEGIN
  INSERT INTO journal_due (event, id, other, number, word, at_ms)
  VALUES ('hold', NEW.id, NEW.recording, NEW.ends_ms, NEW.ground, NEW.created_ms);
END;
CREATE TRIGGER journal_hold_lifted AFTER UPDATE OF lifted_ms ON hold WHEN NEW.lifted_ms IS NOT NULL AND OLD.lifted_ms IS NULL BEGIN
  INSERT INTO journal_due (event, id, at_ms) VALUES ('hold_lifted', NEW.id, NEW.lifted_ms);
END;

-- Shipped ones come with the program.
CREATE TRIGGER journal_policy AFTER INSERT ON policy WHEN NEW.set_by IS NOT NULL BEGIN
  INSERT INTO journal_due (event, number, word, more, at_ms) VALUES ('policy', NEW.version, NEW.name, NEW.document, NEW.created_ms);
END;
CREATE TRIGGER journal_tenant_rules AFTER UPDATE OF policy, region ON tenant
  WHEN NEW.policy IS NOT OLD.policy OR NEW.region IS NOT OLD.region BEGIN
  INSERT INTO journal_due (event, number, word, more, at_ms) VALUES ('tenant_rules', NEW.id, NEW.policy, coalesce(NEW.region, ''), 0);
END;

-- How often a user's password was replaced, so that a restore knows which of them its copy has.
ALTER TABLE user_ ADD COLUMN credentials INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER journal_credentials AFTER UPDATE OF password ON user_ WHEN NEW.password <> OLD.password BEGIN
  UPDATE user_ SET credentials = OLD.credentials + 1 WHERE id = NEW.id;
  INSERT INTO journal_due (event, number, word, at_ms) VALUES ('user_reset', NEW.id, CAST(OLD.credentials + 1 AS TEXT), 0);
END;

CREATE TRIGGER journal_approval AFTER UPDATE OF approved ON approval WHEN OLD.approved = 1 AND NEW.approved = 0 BEGIN
  INSERT INTO journal_due (event, id, at_ms) VALUES ('approval_ended', NEW.id, coalesce(NEW.decided_ms, 0));
END;
