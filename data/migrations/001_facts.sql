-- The current facts and the revisions that led to them.
--
-- `revision` and `change` are authoritative; rows are only ever added to them. The other tables follow from them and can
-- be rebuilt at any time (`routedesk facts rebuild`).

PRAGMA application_id = 1919907188;         -- `rout`: marks the files of this program

CREATE TABLE revision (
    id              INTEGER PRIMARY KEY,    -- counts up from 1
    made_at         TEXT NOT NULL,          -- RFC 3339, UTC
    who             TEXT NOT NULL,          -- opaque id of a person, or `routedesk` for the program itself
    place           TEXT NOT NULL,          -- `start`, `command line`, or platform and id of a community
    why             TEXT NOT NULL,          -- reason that the person gave, or step of the program
    origin          TEXT NOT NULL CHECK (origin IN ('shipped', 'import', 'moderator')),
    facts_checksum  INTEGER,                -- for origin `shipped`: XXH3-64 of the shipped files
    state           INTEGER NOT NULL        -- XXH3-64 of all facts after the revision; it reveals missing rows
) STRICT;

CREATE TABLE change (
    revision  INTEGER NOT NULL REFERENCES revision (id),
    position  INTEGER NOT NULL,             -- order within the revision, from 0
    kind      TEXT NOT NULL CHECK (kind IN ('source', 'subject', 'claim', 'topic', 'order')),
    id        TEXT NOT NULL,                -- id of the changed entity; `facts` for the order
    before    TEXT,                         -- JSON; NULL if the entity was added
    after     TEXT,                         -- JSON; NULL if the entity was removed
    checksum  INTEGER NOT NULL,             -- XXH3-64 of the row, verified on every read
    PRIMARY KEY (revision, position),
    CHECK (before IS NOT NULL OR after IS NOT NULL)
) STRICT;

CREATE INDEX change_of ON change (kind, id, revision);

CREATE TRIGGER revision_is_kept BEFORE UPDATE ON revision BEGIN SELECT RAISE(ABORT, 'revisions are never changed'); END;
CREATE TRIGGER revision_is_there BEFORE DELETE ON revision BEGIN SELECT RAISE(ABORT, 'revisions are never deleted'); END;
CREATE TRIGGER change_is_kept BEFORE UPDATE ON change BEGIN SELECT RAISE(ABORT, 'changes are never changed'); END;
CREATE TRIGGER change_is_there BEFORE DELETE ON change BEGIN SELECT RAISE(ABORT, 'changes are never deleted'); END;

-- All facts of the release that was imported last. The next release is compared with them.
CREATE TABLE shipped (
    kind      TEXT NOT NULL,
    id        TEXT NOT NULL,
    body      TEXT NOT NULL,                -- JSON
    checksum  INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT;

CREATE TABLE source (
    id             TEXT PRIMARY KEY,
    position       INTEGER NOT NULL,        -- order in lists, from 0
    publisher      TEXT,                    -- NULL if the article doesn't name it
    title          TEXT NOT NULL,
    author         TEXT,
    published      TEXT NOT NULL,           -- a day, month, year or range: 2025-07-27, 2025-07-27..2025-07-29
    inferred       INTEGER NOT NULL,        -- 1 if the date is only inferred from the text
    url            TEXT,
    paragraphs     INTEGER NOT NULL,        -- number of paragraphs; 0 if they weren't counted
    not_reporting  TEXT NOT NULL,           -- JSON list of the paragraphs that aren't reporting
    checksum       INTEGER NOT NULL         -- XXH3-64 of the row, verified on every read
) STRICT;

CREATE TABLE subject (
    id        TEXT PRIMARY KEY,
    position  INTEGER NOT NULL,
    title     TEXT NOT NULL,
    checksum  INTEGER NOT NULL
) STRICT;

CREATE TABLE claim (
    id             TEXT PRIMARY KEY,
    subject        TEXT NOT NULL REFERENCES subject (id),
    position       INTEGER NOT NULL,
    statement      TEXT NOT NULL,           -- a sentence in our own words
    value          TEXT NOT NULL,           -- typed: `money 45000 RUB`, `date 2025-07-27`, ...
    of             TEXT,                    -- property that the value describes; only values of the same are compared
    attributed_to  TEXT,                    -- person or organization that the source names for the statement
    unprinted      TEXT,                    -- a detail that the source doesn't give
    as_of          TEXT NOT NULL,           -- day for which the claim holds
    as_of_basis    TEXT NOT NULL,           -- `event` or `report`
    rank           TEXT NOT NULL,           -- `preferred`, `normal`, `deprecated` (wrong, not only outdated)
    contradicts    TEXT NOT NULL,           -- JSON list of claim ids
    derived        TEXT,                    -- JSON: operation and inputs, if no source prints the value
    checksum       INTEGER NOT NULL         -- of the row and its citations
) STRICT;

CREATE TABLE citation (
    claim      TEXT NOT NULL REFERENCES claim (id),
    position   INTEGER NOT NULL,
    source     TEXT NOT NULL REFERENCES source (id),
    paragraph  INTEGER NOT NULL,            -- counted from 1 over the non-empty lines
    words      TEXT NOT NULL,               -- JSON list of words that the paragraph must contain
    PRIMARY KEY (claim, position)
) STRICT;

CREATE TABLE topic (
    id                 TEXT PRIMARY KEY,
    subject            TEXT NOT NULL REFERENCES subject (id),
    position           INTEGER NOT NULL,
    title              TEXT NOT NULL,
    aliases            TEXT NOT NULL,       -- JSON list
    unsaid             TEXT,                -- for a silent topic: the question that the sources don't answer
    dispute            TEXT,                -- kind of disagreement, if the topic's claims disagree
    checksum           INTEGER NOT NULL,    -- of the row and the ids of its claims
    examples_checksum  INTEGER NOT NULL     -- of the topic's examples
) STRICT;

CREATE TABLE topic_claim (
    topic     TEXT NOT NULL REFERENCES topic (id),
    position  INTEGER NOT NULL,
    claim     TEXT NOT NULL REFERENCES claim (id),
    PRIMARY KEY (topic, position)
) STRICT;

CREATE TABLE example (
    topic     TEXT NOT NULL REFERENCES topic (id),
    position  INTEGER NOT NULL,
    text      TEXT NOT NULL,
    PRIMARY KEY (topic, position)
) STRICT;

-- Cache of trained models, by the checksum of their training set.
CREATE TABLE model (
    id        INTEGER PRIMARY KEY,          -- counts up; the oldest are deleted first
    lessons   INTEGER NOT NULL UNIQUE,      -- XXH3-64 of the examples
    bytes     BLOB NOT NULL,
    checksum  INTEGER NOT NULL              -- XXH3-64 of the bytes; a damaged model is trained again
) STRICT;
