package detect

import (
	"strings"
	"testing"

	"interdict/sources/ecs"
)

// loggedIn is a login whose session is process 801, a fork of its monitor 800.
func loggedIn() *scene {
	s := newScene()
	s.image(ecs.Process, "already_running", 700, 1, "/usr/sbin/sshd -D")
	s.fork(800, 700).exec(800, 700, "/usr/sbin/sshd -R")
	s.fork(801, 800)
	s.accepted("transfer", 801, "10.0.9.5:40022", 3_000, 3_000)
	return s
}

// through marks what was told last as a session's, done for bob.
func (s *scene) through(tool string) *scene {
	s.Keyword(ecs.ProcessTool, tool)
	s.Keyword(ecs.ProcessToolHow, "session")
	s.Keyword(ecs.UserName, "bob")
	s.Keyword(ecs.UserID, "1001")
	return s
}

func TestASessionOfSSHDsOwnSFTPIsATransferOfItsUserWithItsFiles(t *testing.T) {
	s := loggedIn()
	s.fork(802, 801)
	s.open(802, "/srv/drop/report.bin", 5_000_000).through(innerSFTP)
	s.accepted("transfer", 801, "10.0.9.5:40022", 9_000, 5_004_000).through(innerSFTP)
	s.exit(802, 0)
	k := follow(s)
	got := k.transferOf(t, s.entity(801), s.now)
	if got.Direction != Pulled || got.Sent != 5_004_000 || got.What() != "internal-sftp ◂ sshd" || got.Tool.User != "bob" || got.Tool.UserID != "1001" {
		t.Errorf("%s %d %q by %q (%s)", got.Direction, got.Sent, got.What(), got.Tool.User, got.Tool.UserID)
	}
	if len(got.Files) != 1 || got.Files[0].Path != "/srv/drop/report.bin" {
		t.Errorf("files %+v", got.Files)
	}
}

func TestAKeyThatIsFetchedOverSSHDsOwnSFTPIsATransferHoweverSmall(t *testing.T) {
	s := loggedIn()
	s.fork(802, 801)
	s.open(802, "/srv/drop/list.txt", 100).through(innerSFTP)
	s.open(802, "/srv/drop/id_rsa", 2_600).through(innerSFTP)
	got := follow(s).transferOf(t, s.entity(801), s.now)
	if class, n := got.Content(); class != "key material" || n != 1 || len(got.Files) != 2 {
		t.Errorf("%d files, %d of %q", len(got.Files), n, class)
	}
}

func TestWhatACommandWritesThroughALoginIsNamedByTheCommand(t *testing.T) {
	s := loggedIn()
	s.fork(802, 801).exec(802, 801, "bash -c tar")
	s.fork(803, 802).exec(803, 802, "tar c /srv")
	s.accepted("transfer", 801, "10.0.9.5:40022", 9_000, 5_000_000).through(sshSession)
	got := follow(s).transferOf(t, s.entity(801), s.now)
	if got.Direction != Pulled || got.What() != "ssh session (tar) ◂ sshd" {
		t.Errorf("%s %q", got.Direction, got.What())
	}
}

func TestAToolBelowASessionTakesItsBytesOver(t *testing.T) {
	s := loggedIn()
	s.accepted("transfer", 801, "10.0.9.5:40022", 9_000, 5_000_000).through(sshSession)
	s.fork(802, 801).exec(802, 801, "sftp-server")
	s.accepted("transfer", 801, "10.0.9.5:40022", 9_000, 8_000_000)
	got := follow(s).transferOf(t, s.entity(802), s.now)
	if got.Tool.Name != "sftp-server" || got.Sent != 3_000_000 {
		t.Errorf("%s sent %d", got.Tool.Name, got.Sent)
	}
}

func TestASessionWhoseToolTookOverNoLongerGoesOn(t *testing.T) {
	s := loggedIn()
	s.accepted("transfer", 801, "10.0.9.5:40022", 9_000, 5_000_000).through(sshSession)
	k := follow(s)
	was := k.find(s.entity(801)).transfer
	s.fork(802, 801).exec(802, 801, "sftp-server")
	k.put(viewOf(s.Build()))
	if !was.frozen || was.shown.Live || was.shown.Ended.IsZero() || was.shown.Sent != 5_000_000 {
		t.Errorf("frozen %v, live %v, sent %d, ended %s", was.frozen, was.shown.Live, was.shown.Sent, was.shown.Ended)
	}
}

func TestALoginThatSendsLittleIsNoTransfer(t *testing.T) {
	s := loggedIn()
	s.fork(802, 801).exec(802, 801, "bash -l")
	s.accepted("transfer", 801, "10.0.9.5:40022", 90_000, 900_000)
	if k := follow(s); len(k.live) != 0 {
		t.Errorf("%d transfers", len(k.live))
	}
}

func TestRsyncsNamesForWhatIsNotWholeYetAreToldAsWhatTheyBecome(t *testing.T) {
	s := newScene()
	s.exec(900, 1, "rsync -a h:/srv/shop.sql /srv/")
	for _, file := range []string{"/srv/.shop.sql.Ab12Cd", "/srv/.profile", "/srv/.shop.sql.Ab12Cd"} {
		s.process(ecs.File, "create", "creation", 900, 0)
		s.Keyword(ecs.FilePath, file)
	}
	got := follow(s).transferOf(t, s.entity(900), s.now)
	var names []string
	for _, f := range got.Written {
		names = append(names, f.Path)
	}
	if all := strings.Join(names, " "); all != "/srv/shop.sql /srv/.profile" {
		t.Error(all)
	}
}
