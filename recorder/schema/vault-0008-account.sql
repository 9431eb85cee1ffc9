-- Who processes for whom (R25, R26, R37). Personal data: names and contacts of controllers, where they are persons'.

-- What the operator is toward a tenant: 'controller', 'processor' for it, or 'joint' controller with it; NULL: not said yet.
ALTER TABLE tenant ADD COLUMN capacity TEXT CHECK (capacity IN ('controller', 'processor', 'joint'));
ALTER TABLE tenant ADD COLUMN controller_name TEXT;
ALTER TABLE tenant ADD COLUMN controller_contact TEXT;
-- Of the processing agreement (art. 28) or the joint controllers' arrangement (art. 26).
ALTER TABLE tenant ADD COLUMN agreement TEXT;

-- Recipients, processors and sub-processors. A row is never changed: it ends, and another begins.
CREATE TABLE recipient (
  id INTEGER PRIMARY KEY,
  tenant INTEGER REFERENCES tenant(id), -- NULL: of all tenants
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('recipient', 'processor', 'sub_processor')),
  place TEXT NOT NULL,
  purpose TEXT NOT NULL,
  since_ms INTEGER NOT NULL,            -- may lie ahead: announced
  added_ms INTEGER NOT NULL,
  added_by TEXT NOT NULL,
  added_leaf INTEGER NOT NULL,
  ended_ms INTEGER,
  ended_leaf INTEGER
) STRICT;
CREATE INDEX recipient_by_tenant ON recipient(tenant);
