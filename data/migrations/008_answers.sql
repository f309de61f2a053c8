-- What the desk's answers of the last 30 days were made from, so that one that showed a claim which is changed says what is
-- right now. Ids only: nobody's words, and not who asked.

CREATE TABLE answer (
    platform  TEXT NOT NULL,
    channel   TEXT NOT NULL,
    question  TEXT NOT NULL,                -- the platform's id of what it answers; its messages are in `post`
    scope     TEXT NOT NULL,                -- whose facts it was made from, as in `revision`
    memo      TEXT NOT NULL,                -- JSON: its language and of each part which topics it was made from and how
    claims    TEXT NOT NULL,                -- JSON list of the claims that it showed at any time
    original  INTEGER NOT NULL,             -- XXH3-64 of the text in which it was given
    given_at  INTEGER NOT NULL,             -- the revision from which it was given
    revision  INTEGER NOT NULL,             -- the revision up to which it is right
    at        INTEGER NOT NULL,             -- in seconds since 1970, UTC
    PRIMARY KEY (platform, channel, question)
) STRICT, WITHOUT ROWID;

CREATE INDEX answer_revision ON answer (platform, revision);
CREATE INDEX answer_at ON answer (platform, at);
