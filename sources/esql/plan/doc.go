// Package plan checks a parsed query against a schema and gives steps whose
// every expression has a type and whose every column has a slot.
//
// A slot is a number that one column keeps through the whole plan: renaming,
// keeping and dropping change only which names a [Scope] has, so they cost
// nothing when the query runs. Constants are folded, now() with them. What is
// wrong is a *parse.Error with all problems found, in Elasticsearch's words.
package plan
