-- Communities' changes on top of the shared facts, and claims without a source.

ALTER TABLE revision ADD COLUMN scope TEXT NOT NULL DEFAULT '';  -- '' for the shared facts, or platform and id of the
                                                                 -- community whose facts it changed: `discord:123`
ALTER TABLE revision ADD COLUMN undoes INTEGER;                  -- the revision that it undoes
CREATE INDEX revision_of ON revision (scope, id);

-- In the changes of a community `before` and `after` belong to its overlay: NULL if the overlay doesn't change the
-- entity, the JSON `null` if it removes it.

ALTER TABLE claim ADD COLUMN unsourced TEXT;                     -- day on which the claim was added without a source
