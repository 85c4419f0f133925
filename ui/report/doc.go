// Package report writes a case down for people: as Markdown and as one HTML file
// that needs nothing else.
//
// Everything in a report may have been chosen by an attacker. Promises:
//   - No text of it becomes markup, a link, an image or a script, in neither form;
//     control and direction characters are made visible.
//   - The HTML file loads nothing: its own policy forbids that, too.
//   - Secrets were hidden before ([playbooks.Redact]); nothing is read from elsewhere.
package report
