-- Webhooks (recorder/webhook): receivers that want none any more, deliveries given up, what platforms know of a gate.

ALTER TABLE webhook ADD COLUMN disabled_ms INTEGER;       -- it answered 410 Gone; setting it anew ends that

-- What was delivered is deleted: it names recordings that may be erased since.
DELETE FROM webhook_delivery WHERE delivered_ms IS NOT NULL;
ALTER TABLE webhook_delivery DROP COLUMN delivered_ms;
ALTER TABLE webhook_delivery ADD COLUMN dead_ms INTEGER;  -- given up
ALTER TABLE webhook_delivery ADD COLUMN problem TEXT;     -- why the last attempt failed, in a word of ours
UPDATE webhook_delivery SET dead_ms = next_ms, problem = 'unreachable' WHERE attempts >= 14;
CREATE INDEX webhook_delivery_due ON webhook_delivery (tenant, name, next_ms) WHERE dead_ms IS NULL;
CREATE INDEX webhook_delivery_dead ON webhook_delivery (dead_ms) WHERE dead_ms IS NOT NULL;

-- 1 from gate.opened to gate.closed: whoever was told of the one is told of the other, after a crash too.
ALTER TABLE session ADD COLUMN gate_told INTEGER NOT NULL DEFAULT 0;
CREATE INDEX session_gate_told ON session (id) WHERE gate_told = 1;
