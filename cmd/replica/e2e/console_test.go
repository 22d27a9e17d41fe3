package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Aim: the console of real replicas shows what is so, to programs and to people,
// and never more than it may.
// Method: what the JSON says is held against the status command's answers, the
// ledgers of four replicas against each other, and the page is used by a
// headless browser (console/browser/test.mjs) where there is one.

// shots is where TestConsoleInABrowser puts two pictures; it then tries nothing else.
var shots = flag.String("console.shots", "", "directory for pictures of the console")

// wanted makes TestConsoleInABrowser run: it takes most of a minute, and
// 'make console-test' asks for it.
var wanted = flag.Bool("console.browser", false, "use the console with a browser")

// console asks replica i's console for JSON and gives the status code.
func (d *deployment) console(i int, path string, v any) int {
	d.t.Helper()
	web := http.Client{Timeout: 10 * time.Second}
	res, err := web.Get("http://127.0.0.1:" + strconv.Itoa(d.metrics+i) + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		d.t.Fatal(err)
	}
	if v != nil {
		if err := json.Unmarshal(text, v); err != nil {
			d.t.Fatalf("%s: %v: %s", path, err, text)
		}
	}
	return res.StatusCode
}

// shownReplicas are the replicas as a console's table has them.
type shownReplicas struct {
	Head     uint64
	Replicas []struct {
		Role        string
		Known       bool
		Seq         uint64
		State       string
		FastCommits uint64 `json:"fast_commits"`
		CertExpiry  uint64 `json:"cert_expiry"`
		View, Lag   uint64
		PeersUp     int `json:"peers_up"`
	}
	Samples []struct{ Events float64 }
	Stages  []struct {
		Name  string
		Bound int
	}
	Lines []struct {
		Text  string
		Attrs map[string]string
	}
}

func TestConsoleOfRealReplicas(t *testing.T) {
	d := running(t)
	d.load(3).passes(4)
	d.agree(0, 1, 2, 3)
	for i := range d.nodes {
		eventually(t, settleMax, fmt.Sprintf("console %d shows all four", i), func() error {
			var at shownReplicas
			d.console(i, "/api/v1/live", &at)
			for id, r := range at.Replicas {
				s := d.mustStatus(id)
				role := "backup"
				if int(s.Primary) == id {
					role = "primary"
				}
				if !r.Known || r.Role != role || r.Seq != uint64(s.Executed) || r.State != fmt.Sprintf("%x", s.Execute[:]) || r.View != uint64(s.View) || r.Lag != 0 ||
					r.FastCommits != s.FastCommits || r.CertExpiry != s.CertExpiry || r.PeersUp != 4 {
					return fmt.Errorf("replica %d: %+v, its status %+v", id, r, s)
				}
			}
			most := 0.0
			for _, s := range at.Samples {
				most = max(most, s.Events)
			}
			return errOf(len(at.Replicas) == 4 && most > 100 && len(at.Stages) >= 8 && len(at.Lines) > 0, "%+v", at)
		})
	}
	d.consolesAgree()
	d.nodes[3].kill()
	eventually(t, settleMax, "console 0 misses replica 3", func() error {
		var at shownReplicas
		d.console(0, "/api/v1/live", &at)
		told := false
		for _, l := range at.Lines {
			told = told || l.Text == "replica does not answer" && l.Attrs["peer"] == "3"
		}
		return errOf(at.Replicas[3].Role == "unreachable" && told, "%+v", at)
	})
	if code := d.stop(0); code != exitOK {
		t.Errorf("a replica whose console was looked at ends with %d", code)
	}
}

// consolesAgree holds the four ledgers, as their consoles show them, against each
// other, and an account against its transfers.
func (d *deployment) consolesAgree() {
	t := d.t
	t.Helper()
	type event struct {
		Result   string
		Transfer *struct {
			ID     string
			Debit  string `json:"debit_account_id"`
			Amount string
		}
	}
	type block struct {
		Seq          uint64
		Hash, Parent string
		EventCount   int `json:"event_count"`
	}
	var head struct{ Head uint64 }
	d.console(0, "/api/v1/blocks?limit=1", &head)
	below, transfers := "", map[string]int{}
	for seq := uint64(1); seq <= min(head.Head, 40); seq++ {
		path := fmt.Sprintf("/api/v1/blocks/%d", seq)
		var first block
		for i := range d.nodes {
			var b block
			if code := d.console(i, path, &b); code != http.StatusOK || i > 0 && b != first {
				t.Fatalf("block %d of replica %d: %d %+v, of replica 0 %+v", seq, i, code, b, first)
			}
			first = b
		}
		if seq > 1 && first.Parent != below {
			t.Fatalf("block %d does not follow %s: %+v", seq, below, first)
		}
		below = first.Hash
		var list struct{ Events []event }
		d.console(1, path+"/events?limit=200", &list)
		for _, e := range list.Events {
			if e.Transfer != nil && e.Result == "ok" {
				transfers[e.Transfer.Debit]++
			}
		}
	}
	if len(transfers) < 5 {
		t.Fatalf("transfers of %d accounts", len(transfers))
	}
	for id := range transfers {
		var first, other any
		for i, v := range []*any{&first, &other} {
			if code := d.console(2*i, "/api/v1/accounts/"+id+"?transfers=5", v); code != http.StatusOK {
				t.Fatalf("account %s: %d %v", id, code, *v)
			}
		}
		if fmt.Sprint(first) != fmt.Sprint(other) {
			t.Fatalf("account %s: %v and %v", id, first, other)
		}
		break
	}
}

// A console is off where strangers could reach it, unless someone said otherwise.
func TestConsoleIsOffBeyondLoopback(t *testing.T) {
	d := deploy(t)
	d.start(0)
	for i, args := range [][]string{1: {"--console", "false"}, 2: {"--metrics-addr", fmt.Sprintf("0.0.0.0:%d", d.metrics+2)},
		3: {"--metrics-addr", fmt.Sprintf("0.0.0.0:%d", d.metrics+3), "--console", "true"}} {
		if i > 0 {
			d.nodes[i] = spawn(t, nil, "replica", append([]string{"start", "--dir", d.node(i)}, args...)...)
		}
	}
	for i, served := range []bool{true, false, false, true} {
		eventually(t, readyMax, fmt.Sprintf("metrics of replica %d", i), func() error {
			res, err := http.Get("http://127.0.0.1:" + strconv.Itoa(d.metrics+i) + "/metrics")
			if err != nil {
				return err
			}
			_ = res.Body.Close()
			return errOf(res.StatusCode == http.StatusOK, "%s", res.Status)
		})
		for _, path := range []string{"/", "/api/v1/live", "/api/v1/accounts/1", "/static/app.js"} {
			code := d.console(i, path, nil)
			if found := code != http.StatusNotFound || served && path == "/api/v1/accounts/1"; found != served {
				t.Errorf("replica %d, %s: %d", i, path, code)
			}
		}
		if d.scrape(i)["quorate_view"] != 0 {
			t.Errorf("replica %d: no metrics", i)
		}
	}
}

func TestConsoleInABrowser(t *testing.T) {
	if !*wanted && *shots == "" {
		t.Skip("use -console.browser, as 'make console-test' does")
	}
	folder := filepath.Join("..", "console", "browser")
	found, err := exec.Command(filepath.Join(folder, "install.sh")).Output()
	lines := strings.Split(strings.TrimSpace(string(found)), "\n")
	last := lines[len(lines)-1]
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 3 {
		t.Skip(last)
	} else if err != nil {
		t.Fatalf("install.sh: %v: %s", err, found)
	}
	packages := lines[len(lines)-2]
	d := running(t)
	l := d.load(300, "--accounts", "50") // ends before, by kill
	d.flowing(0)
	out := *shots
	if out == "" {
		out = t.TempDir()
	} else {
		time.Sleep(40 * time.Second) // of history to be seen
		d.browse(folder, packages, last, out, "shots")
		return
	}
	d.browse(folder, packages, last, out)
	d.nodes[3].kill()
	d.browse(folder, packages, last, out, "down=3")
	l.kill()
}

// browse runs the browser's part.
func (d *deployment) browse(folder, packages, chromium, out string, more ...string) {
	d.t.Helper()
	cmd := exec.Command("node", append([]string{filepath.Join(folder, "test.mjs"), "http://127.0.0.1:" + strconv.Itoa(d.metrics), packages, chromium, out}, more...)...)
	cmd.Env = append(os.Environ(), "NODE_NO_WARNINGS=1")
	timer := time.AfterFunc(3*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	text, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("%v\n%s", err, text)
	}
	d.t.Logf("%s", text)
}
