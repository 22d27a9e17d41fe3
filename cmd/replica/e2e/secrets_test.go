package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"quorate/cluster"
	"quorate/internal/leak"
	"quorate/wire"
)

// Aim: no secret of a replica, a client or a payer leaves the process that holds
// it, in any output, in any form (OPS-04).
// Method: a cluster whose secrets are all known runs at debug level under load, a
// kill, bad input at both ports, bad files and a stack dump; every file and every
// output is then searched by internal/leak. That the search sees is shown on the
// key files themselves, and on a log into which each secret is planted.

// secretsOf reads every secret of a cluster.
func (d *deployment) secretsOf() *leak.Finder {
	d.t.Helper()
	f := &leak.Finder{}
	add := func(name string, secret [cluster.SecretBytes]byte) {
		if secret == ([cluster.SecretBytes]byte{}) {
			return // not of this signature scheme
		}
		if err := f.Add(name, secret[:]); err != nil {
			d.t.Fatal(err)
		}
	}
	for i := range d.nodes {
		k, err := cluster.ParseNodeKeys(d.mustRead(filepath.Join(d.node(i), "keys.yaml")))
		if err != nil {
			d.t.Fatal(err)
		}
		for name, secret := range map[string][cluster.SecretBytes]byte{"identity": k.IdentitySeed, "sigma": k.SigmaShare, "tau": k.TauShare, "pi": k.PiShare, "vote": k.VoteSecret} {
			add(fmt.Sprintf("%s of replica %d", name, i), secret)
		}
	}
	files, err := filepath.Glob(filepath.Join(d.dir, "clients", "*.yaml"))
	if err != nil || len(files) == 0 {
		d.t.Fatalf("no clients: %v", err)
	}
	for _, name := range files {
		k, err := cluster.ParseClientKeys(d.mustRead(name))
		if err != nil {
			d.t.Fatal(err)
		}
		add("seed of client "+k.Name, k.Seed)
	}
	return f
}

func (d *deployment) mustRead(path string) []byte {
	d.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// outputs is everything that the processes of a test put out, by name.
type outputs map[string][]byte

func (o outputs) ran(what string, r outcome) { o[what] = []byte(r.stdout + "\n" + r.stderr) }

// files takes every file below a folder but those that hold secrets by their duty
// and the journal's and the ledger's, which hold what clients signed.
func (o outputs) files(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		base := filepath.Base(path)
		switch {
		case err != nil:
			return err
		case e.IsDir() && (base == "data" || base == "clients"):
			return filepath.SkipDir
		case !e.Type().IsRegular() || base == "keys.yaml":
			return nil
		}
		text, err := os.ReadFile(path)
		o[path] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pages asks replica i for what its metrics listener shows.
func (o outputs) pages(d *deployment, i int) {
	d.t.Helper()
	for _, path := range []string{"/metrics", "/debug/traces", "/"} {
		url := fmt.Sprintf("http://127.0.0.1:%d%s", d.metrics+i, path)
		res, err := (&http.Client{Timeout: 10 * time.Second}).Get(url)
		if err != nil {
			d.t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			d.t.Fatal(err)
		}
		o[url] = text
	}
}

// badFiles starts replicas from key files that are broken in the middle of each
// secret, exchanged, or open to others, and clients likewise.
func (o outputs) badFiles(d *deployment) {
	d.t.Helper()
	bad := filepath.Join(d.t.TempDir(), "bad")
	if err := os.MkdirAll(filepath.Join(bad, "data"), 0o700); err != nil {
		d.t.Fatal(err)
	}
	write := func(name string, text []byte, mode os.FileMode) {
		d.t.Helper()
		path := filepath.Join(bad, name)
		_ = os.Remove(path)
		if err := os.WriteFile(path, text, mode); err != nil {
			d.t.Fatal(err)
		}
	}
	write("genesis.yaml", d.mustRead(filepath.Join(d.dir, "genesis.yaml")), 0o644)
	keys, client := d.mustRead(filepath.Join(d.node(0), "keys.yaml")), d.mustRead(filepath.Join(d.dir, "clients", "admin.yaml"))
	other := d.mustRead(filepath.Join(d.node(1), "keys.yaml"))
	mixed := strings.Replace(string(other), "replica: 1", "replica: 0", 1)
	cut := func(text []byte, by string) []byte { return []byte(strings.Replace(string(text), ": '", ": '"+by, 1)) }
	for name, text := range map[string][]byte{"not hex": cut(keys, "zz"), "too long": cut(keys, "00"), "of another": []byte(mixed),
		"not closed": []byte(strings.ReplaceAll(string(keys), "'", "\"'")), "a client's": client} {
		write("keys.yaml", text, 0o600)
		r := replicaCommand(d.t, "start", "--dir", bad, "--log-level", "debug")
		r.want(d.t, exitConfig)
		o.ran("start with keys "+name, r)
		o.ran("check with keys "+name, replicaCommand(d.t, "check", "--dir", bad))
	}
	write("keys.yaml", keys, 0o644)
	r := replicaCommand(d.t, "start", "--dir", bad)
	r.want(d.t, exitConfig, "exposed")
	o.ran("start with keys for everybody", r)
}

func TestNoSecretLeaves(t *testing.T) {
	long(t)
	d := deploy(t)
	f, out := d.secretsOf(), outputs{}
	d.cluster.StartArgs = []string{"--log-level", "debug", "--trace-sample", "1"}
	out.ran("init", replicaCommand(t, "init", "--dir", filepath.Join(t.TempDir(), "other"), "--clients", "2"))
	payer := filepath.Join(t.TempDir(), "payer.pem")
	out.ran("payer create", replicaCommand(t, "payer", "create", payer))
	out.ran("payer show", replicaCommand(t, "payer", "show", payer))
	d.startAll()

	l := d.load(5)
	d.flowing(0)
	d.nodes[3].kill()
	d.knockBadly()
	out.badFiles(d)
	d.start(3)
	l.passes(3)
	out["loadgen"] = []byte(l.Stdout.String() + "\n" + l.Stderr.String())
	out.files(t, l.out)
	for i := range d.nodes {
		out.pages(d, i)
	}
	for _, args := range [][]string{{"status", "--dir", d.dir, "-o", "json"}, {"config", "--dir", d.node(0), "-o", "json"}, {"log", "level", "--dir", d.node(0)},
		{"account", "lookup", "--dir", d.dir, "1"}, {"receipt", "verify", "--genesis", filepath.Join(d.dir, "genesis.yaml"), filepath.Join(l.out, "receipt.json")}} {
		out.ran(strings.Join(args, " "), replicaCommand(t, args...))
	}
	d.nodes[0].signal(syscall.SIGQUIT) // stacks of all goroutines, with their arguments
	d.nodes[0].wait(t, stopMax)
	d.stop(1)
	out.ran("inspect", replicaCommand(t, "inspect", "--dir", d.node(1), "-o", "json"))
	out.ran("verify", replicaCommand(t, "verify", "--dir", d.node(1)))
	out.files(t, d.dir)
	d.judge(f, out)
}

// knockBadly sends what is refused to both ports of replica 0.
func (d *deployment) knockBadly() {
	d.t.Helper()
	for _, addr := range []string{d.genesis.Members[0].PeerAddr, d.genesis.Members[0].ClientAddr} {
		c := dialTCP(d.t, addr)
		_, _ = c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		c.closed()
	}
	k := d.keys("load-05")
	c := d.member(0, k)
	q := request(k, d.genesis.Hash(), 1, wire.OpCreateTransfers, transferBody(900, 5))
	q.Signature[0] ^= 1
	c.send(wire.KindRequest, q.Append(nil))
	c.rejected(wire.RejectSignature)
	c.send(wire.KindRequest, []byte("no request"))
	c.rejected(wire.RejectMalformed)
}

// judge searches every output, and shows that the search sees.
func (d *deployment) judge(f *leak.Finder, out outputs) {
	d.t.Helper()
	bytes, logs := 0, 0
	for name, text := range out {
		bytes += len(text)
		if strings.HasSuffix(name, "log.jsonl") && len(text) > 0 {
			logs++
		}
		for _, l := range f.Find(text) {
			d.t.Errorf("%s shows %s", name, l)
		}
	}
	if log := string(out[filepath.Join(d.node(0), "log.jsonl")]); logs != 4 || !strings.Contains(log, "DEBUG") || !strings.Contains(log, "goroutine ") {
		d.t.Errorf("%d logs, no debug lines or no stacks: this test looks at too little", logs)
	}
	d.t.Logf("%d outputs, %d bytes, %d secrets", len(out), bytes, len(f.Names()))

	found := map[string]bool{}
	planted := []byte(fmt.Sprintf(`{"level":"DEBUG","msg":"started","keys":%q}`, d.mustRead(filepath.Join(d.node(2), "keys.yaml"))))
	for _, l := range append(f.Find(planted), f.Find(d.mustRead(filepath.Join(d.dir, "clients", "admin.yaml")))...) {
		found[l.Secret] = true
	}
	for _, want := range []string{"identity of replica 2", "sigma of replica 2", "tau of replica 2", "pi of replica 2", "seed of client admin"} {
		if !found[want] {
			d.t.Errorf("a planted leak of the %s is not found", want)
		}
	}
}
