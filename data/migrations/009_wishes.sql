-- Subscriptions to answers, the questions that suggestions answer, and the claims of reported answers. Also conflicts
-- between local changes and changes of the layer below, for moderators and operators to review.

CREATE TABLE wish (                         -- subscriptions: the only record of who asked what, deleted when notified
    platform  TEXT NOT NULL,
    id        TEXT NOT NULL,                -- the platform's id of the event by which the person subscribed
    who       TEXT NOT NULL,                -- the platform's id of the person
    channel   TEXT NOT NULL,                -- the platform's id of the channel where the question was asked
    message   TEXT NOT NULL,                -- the bot's message there; empty if only the person saw it
    scope     TEXT NOT NULL,                -- scope whose facts the person sees, as in `revision`
    question  TEXT NOT NULL,                -- text of the question
    revision  INTEGER NOT NULL,             -- newest revision up to which it is known to have no answer
    tried_at  INTEGER,                      -- first attempt to notify the person, in seconds since 1970, UTC
    PRIMARY KEY (platform, id),
    UNIQUE (platform, channel, message, who, question)
) STRICT, WITHOUT ROWID;

CREATE INDEX wish_revision ON wish (platform, revision);

ALTER TABLE suggestion ADD COLUMN question TEXT;                -- the unanswered question that it answers
ALTER TABLE report ADD COLUMN claims TEXT NOT NULL DEFAULT '';  -- ids of the answer's claims, separated by commas

CREATE TABLE conflict (                     -- entities changed here and by a release; the local version was kept
    kind      TEXT NOT NULL,
    id        TEXT NOT NULL,
    revision  INTEGER NOT NULL REFERENCES revision,  -- revision that imported the release
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE flagged (                      -- shared revision up to which communities were told about conflicts
    scope     TEXT PRIMARY KEY,             -- as in `revision`
    revision  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
