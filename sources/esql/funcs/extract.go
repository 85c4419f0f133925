package funcs

// Extractor takes one text apart. It calls set with the number of each output
// and its value as text, and tells whether the text has the form.
type Extractor interface {
	Extract(s string, set func(output int, value string)) bool
}
