package elasticsearch

import (
	"errors"
	"strings"
	"testing"

	"interdict/sources/esql/parse"
)

func asParseError(t *testing.T, err error) *parse.Error {
	t.Helper()
	var e *parse.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v", err)
	}
	return e
}

func offsetOf(text string, line, column int) int {
	return parse.Pos{Line: line, Column: column}.Offset(text)
}

func TestPlacesBehindAndInsideEditsAreThoseOfTheTextAsGiven(t *testing.T) {
	e := apply("FROM é\n| WHERE now() > a\n| KEEP b", []edit{{16, 5, `"2026"`}, {10, 0, "EVAL x = null |\n "}})
	if want := "FROM é\n| EVAL x = null |\n WHERE \"2026\" > a\n| KEEP b"; e.after != want {
		t.Fatalf("%q", e.after)
	}
	for _, c := range []struct{ line, column, wantLine, wantColumn int }{
		{1, 6, 1, 6}, {2, 3, 2, 3}, {2, 8, 2, 3}, {3, 2, 2, 3}, {3, 8, 2, 9}, {3, 12, 2, 9}, {3, 17, 2, 17}, {4, 8, 3, 8},
	} {
		if line, column := e.place(c.line, c.column); line != c.wantLine || column != c.wantColumn {
			t.Errorf("%d:%d is %d:%d, want %d:%d", c.line, c.column, line, column, c.wantLine, c.wantColumn)
		}
	}
}

func TestAnErrorOfAQuestionThatWasWaitedForHasItsPlaceToo(t *testing.T) {
	sent := edited{before: strings.Repeat("x", 90), after: strings.Repeat("x", 90)}
	at := func(kind, reason string) *parse.Error {
		return asParseError(t, queryError(&Fault{Status: 400, Type: kind, full: reason}, sent))
	}
	const reason = "Found 1 problem\nline 1:76: Unknown column [process.nmae]"
	if got, want := at("status_exception", "verification_exception: "+reason), at("verification_exception", reason); got.Error() != want.Error() || got.Problems[0].Column != 76 {
		t.Errorf("%v\nis not\n%v", got, want)
	}
}
