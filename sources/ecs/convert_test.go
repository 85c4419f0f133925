package ecs

import (
	"testing"

	"interdict/sources/frame"
)

func TestAColumnOfOneValueARowIsOneInAnotherTypeToo(t *testing.T) {
	b := frame.NewBuilder([]frame.Field{{Name: "n", Type: frame.Integer}, {Name: "text", Type: frame.Keyword}, {Name: "gaps", Type: frame.Keyword}})
	for i, text := range []string{"7", "8", " 9 "} {
		b.Row()
		b.Int(0, int64(i+7))
		b.Keyword(1, text)
		if i != 1 {
			b.Keyword(2, text)
		}
	}
	f := b.Build()
	for _, name := range f.Names {
		got, misfits := Convert(name, f.Column(name), frame.Long)
		if len(misfits) > 0 || got.Type != frame.Long {
			t.Errorf("%s: %v, misfits %v", name, got.Type, misfits)
		}
		if name != "gaps" && got.Offsets != nil {
			t.Errorf("%s has room for several values a row", name)
		}
		for i := range f.Rows {
			want, ok := int64(i+7), name != "gaps" || i != 1
			if v, has := got.Int(i); has != ok || ok && v != want {
				t.Errorf("%s: row %d has %d, %v", name, i, v, has)
			}
		}
	}
	if f.Column("n").Type != frame.Integer {
		t.Error("what was converted has changed")
	}
}
