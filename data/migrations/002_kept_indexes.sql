-- The whole index is kept, not only the trained model in it: a start reads it instead of making it.

DROP TABLE model;

-- Indexes that take time to make and train, by the checksum of the facts that they were made from.
CREATE TABLE model (
    id        INTEGER PRIMARY KEY,          -- counts up; the oldest are forgotten first
    facts     INTEGER NOT NULL UNIQUE,      -- XXH3-64 of the facts and of whatever else goes into an index
    lessons   INTEGER NOT NULL,             -- XXH3-64 of the examples and statements alone, on which it was trained
    bytes     BLOB NOT NULL,
    checksum  INTEGER NOT NULL              -- XXH3-64 of the bytes; a damaged one is made anew
) STRICT;
