package reach

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"interdict/respond"
	"interdict/respond/local"
	"interdict/testdata/part"
)

// TestMain lets the test program play a process below another root directory.
func TestMain(m *testing.M) {
	if os.Getenv("REACH_TEST_ROLE") != "" {
		fmt.Println("ready")
		time.Sleep(time.Hour) // a select of nothing ends a program without cgo
	}
	os.Exit(m.Run())
}

// estate is a root directory with a user in it.
type estate struct {
	t    *testing.T
	root string
}

func (e *estate) write(path, text string, mode os.FileMode, uid int) {
	e.t.Helper()
	file := filepath.Join(e.root, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		e.t.Fatal(err)
	}
	if err := os.Chown(file, uid, uid); err != nil {
		e.t.Fatal(err)
	}
}

// live starts a process in dir below the root, with an environment.
func (e *estate) live(dir string, env ...string) respond.ProcessID {
	e.t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		e.t.Fatal(err)
	}
	e.write("play", string(program), 0o755, 0)
	c := exec.Command("/play")
	c.Dir, c.Env = dir, append(env, "REACH_TEST_ROLE=1")
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: e.root}
	out, err := c.StdoutPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		part.Missing(e.t, "lab", "no process below another root: "+err.Error())
	}
	e.t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	var word string
	if _, err := fmt.Fscan(out, &word); err != nil {
		e.t.Fatal(err)
	}
	return idOf(e.t, c.Process.Pid)
}

func idOf(t *testing.T, pid int) respond.ProcessID {
	t.Helper()
	table, err := local.New().Processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table.Number(pid).ID
}

func keygen(t *testing.T, passphrase string) (private, fingerprint string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", file).CombinedOutput(); err != nil {
		part.Missing(t, "lab", "ssh-keygen: "+string(out)+err.Error())
	}
	out, err := exec.Command("ssh-keygen", "-l", "-f", file).Output()
	b, readErr := os.ReadFile(file)
	if err != nil || readErr != nil {
		t.Fatal(err, readErr)
	}
	return string(b), strings.Fields(string(out))[1]
}

func jwt(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part([]byte(claims)) + "." + part([]byte("not a signature"))
}

const canary = "S3CR3Tcanary"

// newEstate has one of everything, each with the canary where the secret is.
func newEstate(t *testing.T) (e *estate, open, locked string) {
	t.Helper()
	if os.Getuid() != 0 {
		part.Missing(t, "lab", "needs root")
	}
	e = &estate{t, t.TempDir()}
	os.Chmod(e.root, 0o755)
	e.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:4242:4242::/home/web:/bin/sh\n", 0o644, 0)
	key, open := keygen(t, "")
	shut, locked := keygen(t, canary)
	e.write("home/web/.ssh/id_ed25519", key, 0o600, 4242)
	e.write("home/web/.ssh/deploy", shut, 0o600, 4242)
	e.write("home/web/.ssh/known_hosts", "x", 0o600, 4242)
	e.write("home/web/.aws/credentials", "[prod]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = "+canary+"\n", 0o600, 4242)
	e.write("home/web/.kube/config", "clusters:\n- cluster:\n    server: https://10.0.0.1:6443\nusers:\n- user:\n    token: "+canary+"\n", 0o600, 4242)
	e.write("home/web/.npmrc", "//registry.example.org/:_authToken="+canary+"\n", 0o600, 4242)
	e.write("home/web/.git-credentials", "https://bot:"+canary+"@git.example.org\n", 0o600, 4242)
	e.write("home/web/.pgpass", "db-3:5432:shop:web:"+canary+"\n", 0o600, 4242)
	e.write("home/web/.docker/config.json", `{"auths": {"registry.example.org:5000": {"auth": "`+canary+`"}}}`, 0o600, 4242)
	e.write("home/web/.netrc", "machine ftp.example.org login web password "+canary+"\n", 0o600, 4242)
	e.write("srv/app/.env", "APP_NAME=shop\nexport DB_PASSWORD=\""+canary+"\nSECOND_KEYLINE"+canary+"=\"\nAPI_TOKEN="+canary+"\nmulti"+canary+"=x\n", 0o640, 4242)
	e.write("var/run/secrets/kubernetes.io/serviceaccount/token", jwt(`{"sub":"system:serviceaccount:shop:web","exp":1893456000,"x":"`+canary+`"}`), 0o644, 0)
	e.write("etc/shadow", "root:"+canary+"\n", 0o640, 0)
	return e, open, locked
}

func look(t *testing.T, of Of) []Secret {
	t.Helper()
	found, err := Find(t.Context(), local.New(), of)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found {
		if strings.Contains(fmt.Sprint(s), canary) {
			t.Errorf("a secret came out: %+v", s)
		}
	}
	return found
}

func line(s Secret) string {
	locked := ""
	if s.Locked {
		locked = " locked"
	}
	return s.Kind + " " + s.Path + " " + s.Name + " " + s.Fingerprint + locked
}

func TestWhatAUserCouldReachIsNamedAndNoSecretComesOut(t *testing.T) {
	e, open, locked := newEstate(t)
	p := e.live("/srv/app", "STRIPE_SECRET_KEY="+canary, "HOME=/home/web", "PLAIN="+canary,
		"MULTI_KEY=-----BEGIN\nOTHER_KEY"+canary+"="+canary+"\n", "AWS_WEB_IDENTITY_TOKEN_FILE=/x", "AWS_ROLE_ARN=arn:aws:iam::1:role/web-prod")
	found := look(t, Of{UID: 4242, Processes: []respond.ProcessID{p}})
	var got []string
	for _, s := range found {
		if s.Path != "169.254.169.254" {
			got = append(got, strings.TrimSpace(strings.ReplaceAll(line(s), fmt.Sprint(p.PID), "N")))
		}
	}
	want := []string{
		"cloud key /home/web/.aws/credentials AKIAIOSFODNN7EXAMPLE",
		"cloud role process N arn:aws:iam::1:role/web-prod",
		"kubernetes account /home/web/.kube/config https://10.0.0.1:6443",
		"kubernetes account /var/run/secrets/kubernetes.io/serviceaccount/token system:serviceaccount:shop:web",
		"ssh key /home/web/.ssh/deploy  " + locked + " locked",
		"ssh key /home/web/.ssh/id_ed25519  " + open,
		"git token /home/web/.git-credentials git.example.org",
		"package token /home/web/.npmrc registry.example.org/",
		"container registry login /home/web/.docker/config.json registry.example.org:5000",
		"password file /home/web/.netrc ftp.example.org",
		"password file /home/web/.pgpass web@db-3:5432",
		"secret in the environment process N MULTI_KEY, STRIPE_SECRET_KEY",
		"file with settings /srv/app/.env API_TOKEN, DB_PASSWORD",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, s := range found {
		if strings.HasSuffix(s.Path, "serviceaccount/token") && !s.Expires.Equal(time.Unix(1893456000, 0)) {
			t.Errorf("ends %s", s.Expires)
		}
		if strings.HasSuffix(s.Path, "id_ed25519") && (s.UID != 4242 || s.Changed.IsZero()) {
			t.Errorf("%+v", s)
		}
	}
}

func TestRootReachesEverybodysAndAnotherUserNothing(t *testing.T) {
	e, _, _ := newEstate(t)
	p := e.live("/")
	has := func(uid int, path string) bool {
		for _, s := range look(t, Of{UID: uid, Processes: []respond.ProcessID{p}}) {
			if s.Path == path {
				return true
			}
		}
		return false
	}
	if !has(0, "/etc/shadow") || !has(0, "/home/web/.aws/credentials") {
		t.Error("root could not reach it")
	}
	if has(4242, "/etc/shadow") || has(4343, "/home/web/.aws/credentials") {
		t.Error("somebody else could")
	}
}

func TestALinkOutOfAContainerIsNotFollowed(t *testing.T) {
	e, _, _ := newEstate(t)
	outside, _ := keygen(t, "")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "id_rsa"), []byte(outside), 0o600); err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(filepath.Join(e.root, "home/web/.ssh"))
	if err := os.Symlink(dir, filepath.Join(e.root, "home/web/.ssh")); err != nil {
		t.Fatal(err)
	}
	for _, s := range look(t, Of{UID: 4242, Processes: []respond.ProcessID{e.live("/")}}) {
		if s.Kind == SSHKey {
			t.Errorf("%+v", s)
		}
	}
}

func TestAnAgentIsAskedWhichKeysItHolds(t *testing.T) {
	if os.Getuid() != 0 {
		part.Missing(t, "lab", "needs root")
	}
	dir := t.TempDir()
	private, fingerprint := keygen(t, "")
	file, sock := filepath.Join(dir, "k"), filepath.Join(dir, "s")
	if err := os.WriteFile(file, []byte(private), 0o600); err != nil {
		t.Fatal(err)
	}
	agent := exec.Command("ssh-agent", "-D", "-a", sock)
	if err := agent.Start(); err != nil {
		part.Missing(t, "lab", err.Error())
	}
	t.Cleanup(func() { agent.Process.Kill(); agent.Wait() })
	for deadline := time.Now().Add(20 * time.Second); ; {
		add := exec.Command("ssh-add", "-q", file)
		add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+sock)
		if add.Run() == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the agent took no key")
		}
	}
	holder := exec.Command("/proc/self/exe")
	holder.Env = []string{"REACH_TEST_ROLE=1", "SSH_AUTH_SOCK=" + sock}
	out, _ := holder.StdoutPipe()
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { holder.Process.Kill(); holder.Wait() })
	var word string
	fmt.Fscan(out, &word)
	for _, s := range look(t, Of{UID: 4242, Processes: []respond.ProcessID{idOf(t, holder.Process.Pid)}}) {
		if s.Kind == SSHAgent && s.Path == sock && s.Fingerprint == fingerprint {
			return
		}
	}
	t.Error("the agent's key was not found")
}

func TestAProcessThatIsAnotherByNowIsNotLookedAt(t *testing.T) {
	e, _, _ := newEstate(t)
	p := e.live("/srv/app", "STRIPE_SECRET_KEY="+canary)
	p.Start += 5 * respond.Tick
	for _, s := range look(t, Of{UID: 4242, Processes: []respond.ProcessID{p}}) {
		if s.Kind == Variable {
			t.Errorf("%+v", s)
		}
	}
	p.BootID = "another"
	if _, err := Find(t.Context(), local.New(), Of{UID: 4242, Processes: []respond.ProcessID{p}}); err == nil || !strings.Contains(err.Error(), "started anew") {
		t.Error(err)
	}
}

func FuzzWhatAHostSaysNeverBreaks(f *testing.F) {
	f.Add([]byte("secret\tssh key\t/x\t\tSHA256:x\tlocked\t1\t2\t3\nend\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		found, _ := parse(out)
		for _, s := range found {
			if s.Rank() >= len(order) {
				t.Errorf("%+v", s)
			}
		}
	})
}
