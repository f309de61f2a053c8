-- Caches the whole index, not only the trained model in it: a start reads it instead of building it.

DROP TABLE model;

-- Cache of indexes, by the checksum of the facts that they were built from.
CREATE TABLE model (
    id        INTEGER PRIMARY KEY,          -- counts up; the oldest are deleted first
    facts     INTEGER NOT NULL UNIQUE,      -- XXH3-64 of the facts and of everything else that an index is built from
    lessons   INTEGER NOT NULL,             -- XXH3-64 of the training set: only the examples and statements
    bytes     BLOB NOT NULL,
    checksum  INTEGER NOT NULL              -- XXH3-64 of the bytes; a damaged index is built again
) STRICT;
