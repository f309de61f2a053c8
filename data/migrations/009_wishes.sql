-- What leads from a question without an answer to one: those who wish to be told, answers that moderators gave themselves,
-- and which claims a reported answer made. And what was changed here and elsewhere, for those who keep the facts to review.

CREATE TABLE wish (                         -- the only record of who asked what, kept until they are told or withdraw
    platform  TEXT NOT NULL,
    id        TEXT NOT NULL,                -- the platform's id of how they said so
    who       TEXT NOT NULL,
    channel   TEXT NOT NULL,                -- where it was asked
    message   TEXT NOT NULL,                -- the desk's message there; empty where only they saw it
    scope     TEXT NOT NULL,                -- whose facts they see, as in `revision`
    question  TEXT NOT NULL,                -- its words
    revision  INTEGER NOT NULL,             -- the revision up to which there is no answer
    tried_at  INTEGER,                      -- when they were first tried to be told, in seconds since 1970, UTC
    PRIMARY KEY (platform, id),
    UNIQUE (platform, channel, message, who, question)
) STRICT, WITHOUT ROWID;

CREATE INDEX wish_revision ON wish (platform, revision);

ALTER TABLE suggestion ADD COLUMN question TEXT;              -- the question without an answer that it answers
ALTER TABLE report ADD COLUMN claims TEXT NOT NULL DEFAULT '';  -- ids of the claims of the answer, separated by commas

CREATE TABLE conflict (                     -- what was changed here and would have been by a release; it was left
    kind      TEXT NOT NULL,
    id        TEXT NOT NULL,
    revision  INTEGER NOT NULL REFERENCES revision,  -- that brought the release in
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE flagged (                      -- how far communities were told what all share and changed under their own changes
    scope     TEXT PRIMARY KEY,             -- as in `revision`
    revision  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
