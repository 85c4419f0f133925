// Package elasticsearch runs one Elasticsearch node for the tests of a package:
// the real one, from what Elastic publishes, built by Maven when a test asks
// for it. A package that uses it says so in its TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(elasticsearch.Run(m)) }
package elasticsearch

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/testdata/part"
)

// Node is a running node. Tests of a package share it, so each names its
// indices as no other does.
type Node struct {
	URL string

	password string // of the user admin; "": there are no users
	home     string
	java     *exec.Cmd
	stdin    io.Closer

	classpath string
	settings  []string
}

var (
	once    sync.Once
	running *Node
	missing error
)

// Start gives the node, which the first call starts. Without Java and Maven the
// test is skipped, or fails where INTERDICT_REQUIRE names elasticsearch.
// INTERDICT_ELASTICSEARCH is the address of a node to use instead.
func Start(t testing.TB) *Node {
	t.Helper()
	once.Do(func() { running, missing = shared() })
	if missing != nil {
		part.Missing(t, "elasticsearch", missing)
	}
	return running
}

// StartSecured starts a node of the test's own that lets in whom it knows: the
// user admin with the password adminadmin, and the keys that it makes.
func StartSecured(t testing.TB) *Node {
	t.Helper()
	Start(t) // or skips
	n, err := start("xpack.security.enabled=true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.stop)
	return n
}

// Run runs a package's tests and stops the node after them.
func Run(m *testing.M) int {
	code := m.Run()
	if running != nil && running.java != nil {
		running.stop()
	}
	return code
}

func shared() (*Node, error) {
	if url := os.Getenv("INTERDICT_ELASTICSEARCH"); url != "" {
		return &Node{URL: url}, nil
	}
	return start()
}

func start(settings ...string) (*Node, error) {
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, err
		}
	}
	built, err := build()
	if err != nil {
		return nil, err
	}
	classpath, err := os.ReadFile(filepath.Join(built, "classpath"))
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "interdict-elasticsearch-")
	if err != nil {
		return nil, err
	}
	n := &Node{home: home, classpath: filepath.Join(built, "classes") + ":" + string(classpath), settings: settings}
	if len(settings) > 0 {
		n.password = "adminadmin"
	}
	if err := n.launch(settings); err != nil {
		n.stop()
		return nil, err
	}
	return n, nil
}

// Kill ends the node as a lost machine does. It fails for one that it did not start.
func (n *Node) Kill() error {
	if n.java == nil {
		return errors.New("the node is somebody else's")
	}
	err := n.java.Process.Kill()
	_ = n.java.Wait() // that it was killed is no news
	n.stdin.Close()
	return err
}

// Again starts a node that was killed, with what it had and under its address.
func (n *Node) Again() error {
	at, err := url.Parse(n.URL)
	if err != nil {
		return err
	}
	n.URL = ""
	return n.launch(append(slices.Clone(n.settings), "http.port="+at.Port()))
}

func (n *Node) launch(settings []string) error {
	log, err := os.Create(filepath.Join(n.home, "output"))
	if err != nil {
		return err
	}
	defer log.Close()
	n.java = exec.Command("java", append([]string{"-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Dfile.encoding=UTF-8",
		"-cp", n.classpath, "org.elasticsearch.node.TestNode", n.home}, settings...)...)
	n.java.Stderr = log
	if n.stdin, err = n.java.StdinPipe(); err != nil {
		return err
	}
	out, err := n.java.StdoutPipe()
	if err != nil {
		return err
	}
	if err := n.java.Start(); err != nil {
		n.java = nil
		return err
	}
	for lines := bufio.NewScanner(out); n.URL == "" && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http://") {
			n.URL = lines.Text()
		}
	}
	if n.URL == "" {
		said, _ := os.ReadFile(log.Name())
		return fmt.Errorf("the node ended: %s", said[max(0, len(said)-2000):])
	}
	go io.Copy(io.Discard, out)
	_, err = n.Do("GET", "/_cluster/health?wait_for_status=yellow&timeout=180s", "")
	return err
}

// stop ends the process, by closing what it reads or else by its id.
func (n *Node) stop() {
	if n.java != nil {
		n.stdin.Close()
		late := time.AfterFunc(20*time.Second, func() { n.java.Process.Kill() })
		n.java.Wait()
		late.Stop()
	}
	os.RemoveAll(n.home)
}

// build compiles the node once for a state of its sources, into the user's cache.
func build() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Dir(file)
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	built := filepath.Join(cache, "interdict", fmt.Sprintf("elasticsearch-%x", sum.Sum(nil)[:8]))
	if _, err := os.Stat(filepath.Join(built, "classpath")); err == nil {
		return built, nil
	}
	if err := os.MkdirAll(filepath.Dir(built), 0o700); err != nil {
		return "", err
	}
	out, err := os.MkdirTemp(filepath.Dir(built), "building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(out)
	if said, err := exec.Command("mvn", "-q", "-B", "-f", filepath.Join(dir, "pom.xml"), "-Dout="+out, "compile").CombinedOutput(); err != nil {
		return "", fmt.Errorf("mvn: %w: %s", err, said[max(0, len(said)-2000):])
	}
	if err := os.Rename(out, built); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return built, nil
}

// Answer is what the node answered to a request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request; body is JSON, or lines of it. The error is that no
// answer came, or that its status is not below 300.
func (n *Node) Do(method, path, body string) (Answer, error) {
	req, err := http.NewRequest(method, n.URL+path, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.Contains(path, "_bulk") {
		req.Header.Set("Content-Type", "application/x-ndjson")
	}
	if n.password != "" {
		req.SetBasicAuth("admin", n.password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return Answer{resp.StatusCode, resp.Header, text}, err
}

// Index makes an index anew, with the settings and mappings of a create
// request, and puts documents into it, whose ids are their places.
func (n *Node) Index(name, request string, docs []string) error {
	n.Do("DELETE", "/"+name, "") // of a node that was here before
	if _, err := n.Do("PUT", "/"+name, request); err != nil {
		return err
	}
	var b bytes.Buffer
	for i, d := range docs {
		fmt.Fprintf(&b, "{\"index\":{\"_id\":\"%d\"}}\n%s\n", i, d)
	}
	a, err := n.Do("POST", "/"+name+"/_bulk?refresh=true", b.String())
	if err != nil {
		return err
	}
	var told struct {
		Errors bool
		Items  []json.RawMessage
	}
	if err := json.Unmarshal(a.Body, &told); err != nil {
		return err
	}
	if told.Errors {
		return fmt.Errorf("%s: %s", name, a.Body[:min(len(a.Body), 2000)])
	}
	return nil
}
