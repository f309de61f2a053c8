-- Facts of a community's own, over those that all share; and claims that no source is given for.

ALTER TABLE revision ADD COLUMN scope TEXT NOT NULL DEFAULT '';  -- whose facts it changed: '' those that all share, or a
                                                                 -- community's own: its platform and id, `discord:123`
ALTER TABLE revision ADD COLUMN undoes INTEGER;                  -- the revision that it takes back
CREATE INDEX revision_of ON revision (scope, id);

-- In a community's changes `before` and `after` are its own: none where it has the thing as all do, the JSON `null` where
-- it took it away.

ALTER TABLE claim ADD COLUMN unsourced TEXT;                     -- the day on which it was added without a source
