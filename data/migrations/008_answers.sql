-- The recipes of the bot's answers of the last 30 days, so that the bot can update an answer after one of its claims has
-- changed. Only ids are stored: neither the words of a question nor its asker.

CREATE TABLE answer (
    platform  TEXT NOT NULL,
    channel   TEXT NOT NULL,
    question  TEXT NOT NULL,                -- the platform's id of the question; the answer's messages are in `post`
    scope     TEXT NOT NULL,                -- scope whose facts it was made from, as in `revision`
    memo      TEXT NOT NULL,                -- JSON: the recipe of the answer: language, topics of each part, revision
    claims    TEXT NOT NULL,                -- JSON list of the claims that it has shown at any time
    original  INTEGER NOT NULL,             -- XXH3-64 of the text as it was posted first
    given_at  INTEGER NOT NULL,             -- revision from which it was made
    revision  INTEGER NOT NULL,             -- newest revision up to which it is known to be right
    at        INTEGER NOT NULL,             -- in seconds since 1970, UTC
    PRIMARY KEY (platform, channel, question)
) STRICT, WITHOUT ROWID;

CREATE INDEX answer_revision ON answer (platform, revision);
CREATE INDEX answer_at ON answer (platform, at);
