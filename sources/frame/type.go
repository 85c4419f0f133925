package frame

// Type is an ES|QL data type, as `columns[].type` of an Elasticsearch answer names it.
type Type uint8

// The types that a column may have. A column of type Null has no values at all.
const (
	Null Type = iota
	Keyword
	Boolean
	Integer      // 32 bits
	Long         // 64 bits
	UnsignedLong // 64 bits, kept as the same bits in an int64
	Double
	Date      // milliseconds since the Unix epoch, UTC
	DateNanos // nanoseconds since the Unix epoch, UTC
	IP        // dictionary of 16-byte addresses, IPv4 mapped into IPv6
	Version
)

var typeNames = [...]string{"null", "keyword", "boolean", "integer", "long", "unsigned_long",
	"double", "date", "date_nanos", "ip", "version"}

// String gives the type's name as Elasticsearch writes it.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unsupported"
}

// ParseType is the inverse of [Type.String]; it also takes the mapping names
// text, wildcard, constant_keyword, short, byte, float, half_float and datetime.
func ParseType(name string) (Type, bool) {
	for i, n := range typeNames {
		if n == name {
			return Type(i), true
		}
	}
	switch name {
	case "text", "match_only_text", "wildcard", "constant_keyword":
		return Keyword, true
	case "short", "byte":
		return Integer, true
	case "float", "half_float", "scaled_float":
		return Double, true
	case "datetime":
		return Date, true
	}
	return Null, false
}

// Coded tells whether values of the type are dictionary codes.
func (t Type) Coded() bool { return t == Keyword || t == IP || t == Version }

// Field names a column and its type.
type Field struct {
	Name string
	Type Type
}
