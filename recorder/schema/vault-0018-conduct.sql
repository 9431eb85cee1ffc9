-- A code of conduct that was set (recorder/access/conduct.h) stays the one in force after a restore; the first one is shipped.
CREATE TRIGGER journal_conduct AFTER INSERT ON conduct WHEN NEW.version > 1 BEGIN
  INSERT INTO journal_due (event, number, word, more, at_ms) VALUES ('conduct', NEW.version, NEW.lang, NEW.document, NEW.created_ms);
END;
