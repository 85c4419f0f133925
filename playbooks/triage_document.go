package playbooks

import (
	"context"
	"encoding/json"
	"fmt"
)

// alertDocument is what was said about one alert, as it is kept.
type alertDocument struct {
	V       int                 `json:"v"`
	Triage  Triage              `json:"triage"`
	Log     []logged            `json:"log,omitempty"`
	Answers map[string]Override `json:"answers,omitempty"` // by question
	// About is what exceptions compare, of an alert that is closed.
	About map[string][]string `json:"about,omitempty"`
}

// logged is a note that no other is taken for.
type logged struct {
	ID string `json:"id"`
	Note
}

// documentVersion is the form of documents that this program writes.
const documentVersion = 1

// readDocument reads one of ours. What a newer program wrote is left alone.
func readDocument(kind, id string, body []byte, into any) error {
	var form struct {
		V int `json:"v"`
	}
	err := json.Unmarshal(body, &form)
	switch {
	case err == nil && form.V > documentVersion:
		return fmt.Errorf("%s %s was written by a newer program (form %d, this one knows %d)", kind, id, form.V, documentVersion)
	case err == nil:
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("%s %s cannot be read: %w", kind, id, err)
	}
	return nil
}

func readAlert(id string, body []byte) (d alertDocument, err error) {
	if body != nil {
		err = readDocument(AlertDocuments, id, body, &d)
	}
	if d.Triage.AlertID = id; d.Triage.State == "" {
		d.Triage.State = New
	}
	return d, err
}

// say changes what is kept of an alert and logs it. A kind of "" changes nothing.
func (s *Cases) say(ctx context.Context, alert, by string, f func(*alertDocument) (kind, text string, err error)) error {
	if err := named(alert, by); err != nil {
		return err
	}
	return Change(ctx, s.docs, AlertDocuments, alert, func(body []byte) ([]byte, error) {
		d, err := readAlert(alert, body)
		if err != nil {
			return nil, err
		}
		kind, text, err := f(&d)
		if err != nil || kind == "" {
			return nil, err
		}
		d.V = documentVersion
		d.Log = append(d.Log, logged{NewID(), Note{By: by, Kind: kind, Text: text, At: s.now().UTC()}})
		return json.Marshal(d)
	})
}

// triageSteps bring what older programs kept in tables into documents.
var triageSteps = []string{
	`INSERT INTO documents (kind, id, body, version)
	SELECT 'alerts', a.alert, CAST(json_object('v', 1,
			'triage', (SELECT json_object('thread', t.thread, 'up_to', t.up_to, 'state', t.state, 'reason', t.reason, 'by', t.by, 'at', t.at, 'revision', t.revision)
				FROM case_alerts t WHERE t.alert = a.alert UNION ALL SELECT json_object() LIMIT 1),
			'log', (SELECT json_group_array(json_object('id', 'n' || n.id || '-' || n.at, 'by', n.by, 'kind', n.kind, 'text', n.text, 'at', n.at)) FROM case_notes n WHERE n.alert = a.alert),
			'answers', (SELECT json_group_object(w.question, json_object('state', w.state, 'note', w.note, 'by', w.by, 'at', w.at)) FROM case_answers w WHERE w.alert = a.alert)) AS BLOB),
		(SELECT COALESCE(MAX(version), 0) FROM documents) + ROW_NUMBER() OVER (ORDER BY a.alert)
	FROM (SELECT alert FROM case_alerts UNION SELECT alert FROM case_answers
		UNION SELECT alert FROM case_notes WHERE alert NOT LIKE 'exception %' AND alert NOT LIKE 'INC-%') a;
	INSERT INTO documents (kind, id, body, version)
	SELECT 'exceptions', x.id, CAST(json_object('v', 1, 'exception', CASE WHEN json_valid(x.body) THEN json(x.body) ELSE x.body END,
			'ended', CASE WHEN x.ended = '' THEN NULL ELSE json_object('by', x.ended_by, 'at', x.ended) END,
			'log', (SELECT json_group_array(json_object('id', 'n' || n.id || '-' || n.at, 'by', n.by, 'kind', n.kind, 'text', n.text, 'at', n.at))
				FROM case_notes n WHERE n.alert = 'exception ' || x.id)) AS BLOB),
		(SELECT COALESCE(MAX(version), 0) FROM documents) + ROW_NUMBER() OVER (ORDER BY x.created)
	FROM case_exceptions x;
	DELETE FROM case_notes WHERE alert NOT LIKE 'INC-%';
	DROP TABLE case_alerts;
	DROP TABLE case_answers;
	DROP TABLE case_exceptions;`,
}
