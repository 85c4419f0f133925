package local

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"interdict/respond"
)

func TestCronTimesStartWhenCronWouldStartThem(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse("2006-01-02 15:04", s) // 2026-03-01 is a Sunday
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tc := range []struct {
		line, time string
		want       bool
	}{
		{"* * * * * x", "2026-03-01 00:00", true},
		{"12 3 * * * x", "2026-03-01 03:12", true},
		{"12 3 * * * x", "2026-03-01 03:13", false},
		{"*/10 * * * * x", "2026-03-01 03:20", true},
		{"*/10 * * * * x", "2026-03-01 03:25", false},
		{"5-20/5 * * * * x", "2026-03-01 03:15", true},
		{"0 9-17 * * mon-fri x", "2026-03-02 10:00", true},
		{"0 9-17 * * mon-fri x", "2026-03-01 10:00", false},
		{"0 0 1 * mon x", "2026-03-01 00:00", true}, // either day is enough
		{"0 0 1 * mon x", "2026-03-02 00:00", true},
		{"0 0 1 * mon x", "2026-03-03 00:00", false},
		{"0 0 * * 7 x", "2026-03-01 00:00", true},
		{"0 0 * jan,MAR * x", "2026-03-01 00:00", true},
		{"@hourly x", "2026-03-01 07:00", true},
		{"@weekly x", "2026-03-01 00:00", true},
		{"30/10 * * * * x", "2026-03-01 00:50", true},
	} {
		spec, rest, err := parseCron(tc.line)
		if err != nil || rest != "x" {
			t.Errorf("%s: %q, %v", tc.line, rest, err)
		}
		if got := spec.starts(at(tc.time)); got != tc.want {
			t.Errorf("%s at %s: %v", tc.line, tc.time, got)
		}
	}
}

func TestWhatIsNoCronTimeIsRefused(t *testing.T) {
	for _, line := range []string{"", "x", "* * * *", "60 * * * * x", "* 24 * * * x", "* * 0 * * x", "* * * 13 * x", "* * * * 8 x",
		"*/0 * * * * x", "5-1 * * * * x", "-1 * * * * x", "@never x", "1,,2 * * * * x", "99999999999999999999 * * * * x"} {
		if spec, _, err := parseCron(line); err == nil {
			t.Errorf("%q: %+v", line, spec)
		}
	}
}

func TestSchedulesNearATimeAreFoundInEveryTable(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text), Mode: 0o644} }
	fsys := fstest.MapFS{
		"etc/crontab":                    file("SHELL=/bin/sh\n# 12 3 * * * root no\n17 *\t* * *\troot    cd / && run-parts --report /etc/cron.hourly\n"),
		"etc/cron.d/backup":              file("MAILTO=\"\"\n10 3 * * * bob /usr/local/bin/backup --to nas\nnonsense\n"),
		"etc/cron.d/.placeholder":        file("10 3 * * * root hidden\n"),
		"etc/cron.d/tz":                  file("CRON_TZ=Asia/Tokyo\n12 12 * * * root tokyo\n"),
		"etc/cron.d/boot":                file("@reboot root /opt/start\n"),
		"var/spool/cron/crontabs/alice":  file("14 3 * * * scp -q /srv/x deploy@10.0.0.9:\n0 23 * * * far away\n"),
		"var/spool/cron/crontabs/nobody": file(strings.Repeat("x", 1<<20)),
	}
	around := time.Date(2026, 3, 1, 3, 12, 33, 0, time.UTC)
	all, err := cronSchedules(fsys, around, around.Add(-time.Minute), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]respond.Schedule{}
	for _, s := range all {
		got[s.Source] = s
	}
	want := map[string]string{
		"/etc/crontab:3":                   "root cd / && run-parts --report /etc/cron.hourly",
		"/etc/cron.d/backup:2":             "bob /usr/local/bin/backup --to nas",
		"/etc/cron.d/tz:2":                 "root tokyo",
		"/etc/cron.d/boot:1":               "root /opt/start",
		"/var/spool/cron/crontabs/alice:1": "alice scp -q /srv/x deploy@10.0.0.9:",
	}
	for source, line := range want {
		if s, ok := got[source]; !ok || s.User+" "+s.Command != line {
			t.Errorf("%s: %+v", source, s)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d found, want %d: %+v", len(got), len(want), got)
	}
	if s := got["/etc/cron.d/backup:2"]; !s.Last.Equal(around.Truncate(time.Minute).Add(-2*time.Minute)) || !s.Next.IsZero() || s.Distance(around) != 2*time.Minute+33*time.Second {
		t.Errorf("%+v, %v away", s, s.Distance(around))
	}
	if s := got["/etc/crontab:3"]; !s.Last.IsZero() || s.Next.Minute() != 17 {
		t.Errorf("%+v", s)
	}
}

func FuzzACronLineNeverHarms(f *testing.F) {
	for _, s := range []string{"* * * * * x", "*/5 1-2,4 1 jan sun root x", "@daily", "CRON_TZ=x", "a=b", "1-", "/"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 1, 3, 12, 33, 0, time.UTC)
	f.Fuzz(func(t *testing.T, line string) {
		for _, s := range crontab(line, "f", "", now, now, time.UTC) {
			if s.Distance(now) > respond.Near {
				t.Errorf("%q is far: %+v", line, s)
			}
		}
	})
}
