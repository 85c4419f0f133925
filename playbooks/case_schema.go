package playbooks

// migrations are applied in order, each once; never edit one that was released.
var migrations = []string{
	`CREATE TABLE case_alerts (
		alert    TEXT PRIMARY KEY,
		state    TEXT NOT NULL,
		reason   TEXT NOT NULL,
		by       TEXT NOT NULL,
		at       TEXT NOT NULL,
		revision INTEGER NOT NULL
	) STRICT;
	CREATE TABLE case_notes (
		id    INTEGER PRIMARY KEY,
		alert TEXT NOT NULL,
		by    TEXT NOT NULL,
		at    TEXT NOT NULL,
		kind  TEXT NOT NULL,
		text  TEXT NOT NULL
	) STRICT;
	CREATE INDEX case_notes_alert ON case_notes(alert, id);
	CREATE TABLE case_answers (
		alert    TEXT NOT NULL,
		question TEXT NOT NULL,
		state    TEXT NOT NULL,
		note     TEXT NOT NULL,
		by       TEXT NOT NULL,
		at       TEXT NOT NULL,
		PRIMARY KEY (alert, question)
	) STRICT;`,
	`ALTER TABLE case_alerts ADD COLUMN thread TEXT NOT NULL DEFAULT '';
	ALTER TABLE case_alerts ADD COLUMN up_to TEXT NOT NULL DEFAULT '0001-01-01T00:00:00Z';`,
	`CREATE TABLE case_exceptions (
		id       TEXT PRIMARY KEY,
		body     TEXT NOT NULL,
		created  TEXT NOT NULL,
		ended    TEXT NOT NULL DEFAULT '',
		ended_by TEXT NOT NULL DEFAULT ''
	) STRICT;
	CREATE TABLE case_hidden (
		exception TEXT NOT NULL,
		alert     TEXT NOT NULL,
		at        TEXT NOT NULL,
		PRIMARY KEY (exception, alert)
	) STRICT;`,
	`CREATE TABLE case_cases (
		number   INTEGER PRIMARY KEY AUTOINCREMENT,
		body     TEXT NOT NULL,
		revision INTEGER NOT NULL,
		open     INTEGER NOT NULL
	) STRICT;
	CREATE TABLE case_exhibits (
		lead   TEXT PRIMARY KEY,
		number INTEGER NOT NULL,
		body   TEXT NOT NULL
	) STRICT;
	CREATE INDEX case_exhibits_number ON case_exhibits(number);
	CREATE TABLE case_members (
		alert  TEXT PRIMARY KEY,
		number INTEGER NOT NULL,
		lead   TEXT NOT NULL
	) STRICT;
	CREATE INDEX case_members_lead ON case_members(lead);`,
	`CREATE TABLE case_runs (
		id       TEXT PRIMARY KEY,
		number   INTEGER NOT NULL,
		body     TEXT NOT NULL,
		revision INTEGER NOT NULL,
		ended    INTEGER NOT NULL
	) STRICT;
	CREATE INDEX case_runs_number ON case_runs(number);
	CREATE TABLE case_watches (
		number INTEGER NOT NULL,
		run    TEXT NOT NULL,
		until  TEXT NOT NULL,
		body   TEXT NOT NULL,
		PRIMARY KEY (number, run)
	) STRICT;`,
}
