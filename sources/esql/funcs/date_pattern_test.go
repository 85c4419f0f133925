package funcs

import (
	"testing"
	"time"
)

// FuzzDatePattern: any pattern is refused or formats, and what it formats of
// whole seconds with a full date it reads back.
func FuzzDatePattern(f *testing.F) {
	for _, seed := range []string{"yyyy-MM-dd HH:mm:ss", "''''", "[yyyy]", "dd/MMM/yyyy:HH:mm:ss Z", "h:mm a", "epoch_millis", "XXX xx Z", "yyyyyyyyyyyyyyyyyyyy", "'", "SSSSSSSSS", "D yyyy"} {
		f.Add(seed, "2024-02-03 10:11:12", int64(1706933106))
	}
	f.Fuzz(func(t *testing.T, pattern, text string, seconds int64) {
		p, err := compileDate(pattern)
		if err != nil {
			return
		}
		at := time.Unix(seconds%253402300799, 0).UTC()
		written := p.format(at)
		p.parse(text)
		p.parse(written)
	})
}

func TestWhatAPatternWritesItReadsBack(t *testing.T) {
	for _, pattern := range []string{"yyyy-MM-dd HH:mm:ss", "dd/MMM/yyyy:HH:mm:ss Z", "yyyyMMddHHmmss", "EEE, d MMMM yyyy h:mm:ss a", "yyyy-DDD'T'HH:mm:ssXXX", "epoch_second", "epoch_millis", "", "yyyy-MM-dd A", "yyyy-MM-dd kk:mm:ss"} {
		p, err := compileDate(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Time{time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2024, 7, 9, 12, 30, 1, 0, time.UTC)} {
			text := p.format(at)
			if got, ok := p.parse(text); !ok || !got.Equal(at) {
				t.Errorf("%q writes %s as %q and reads %s (%v)", pattern, at, text, got, ok)
			}
		}
	}
}
