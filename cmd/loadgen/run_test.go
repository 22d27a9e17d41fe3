package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quorate/client"
	"quorate/client/clienttest"
	"quorate/wire"
)

// Aim: whole runs end with a true audit, and a planted lie of each kind makes
// the exit code say so (L4).
// Method: the command line against clienttest's cluster: real TLS, keys and
// payments machine. Rates are small; nothing here measures speed.

// clusterDir writes the files that loadgen reads.
func clusterDir(t *testing.T, c *clienttest.Cluster) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, text []byte) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("genesis.yaml", c.Genesis.YAML())
	for i := range c.Files {
		write(filepath.Join("clients", c.Files[i].Name+".yaml"), c.Files[i].YAML())
	}
	return dir
}

// loadgen runs one command line and gives its exit code and outputs.
func loadgen(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	code = execute(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

// small is a run of about 2,000 payments.
func small(dir string, more ...string) []string {
	return append([]string{"run", "--dir", dir, "--rate", "2000", "--batch", "50", "--clients", "2", "--accounts", "40",
		"--duration", "1s", "--receipts", "12", "--shortfall", "0.5", "--audit-timeout", "3s", "--out", "none"}, more...)
}

func TestEveryWorkload(t *testing.T) {
	c := clienttest.New(t, 3)
	dir := clusterDir(t, c)
	for _, work := range workloads {
		t.Run(work, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "deep", "out")
			code, stdout, stderr := loadgen(t, small(dir, "--workload", work, "--out", out, "--arrivals", "poisson")...)
			if code != exitOK {
				t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
			}
			for _, want := range []string{"debits = credits", "4/4 state digests equal", "12/12 receipts verified", "offered ", "p99.9"} {
				if !strings.Contains(stdout, want) {
					t.Errorf("no %q in\n%s", want, stdout)
				}
			}
			var r result
			text, err := os.ReadFile(filepath.Join(out, "result.json"))
			if err != nil || json.Unmarshal(text, &r) != nil {
				t.Fatalf("result.json: %v\n%s", err, text)
			}
			if r.Audit.Acked == 0 || r.Audit.Acked != r.Audit.FoundOnce || r.Audit.Checked != r.Audit.Acked || r.Measured.Errors != 0 {
				t.Errorf("result %+v, audit %+v", r, r.Audit)
			}
			for _, name := range []string{"timeseries.csv", "latency.hgrm", "report.html"} {
				if text, err := os.ReadFile(filepath.Join(out, name)); err != nil || len(text) == 0 {
					t.Errorf("%s: %d bytes, %v", name, len(text), err)
				}
			}
			file, err := os.ReadFile(filepath.Join(out, "receipt.json"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.VerifyReceipt(c.Genesis, file); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClosedLoopAndJSON(t *testing.T) {
	c := clienttest.New(t, 3)
	code, stdout, stderr := loadgen(t, "run", "--dir", clusterDir(t, c), "--rate", "max", "--batch", "1", "--clients", "3",
		"--accounts", "10", "--duration", "1s", "--warmup", "200ms", "--json", "--expect-replicas", "4", "--out", "none")
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	var r result
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("standard output is not the result alone: %v\n%s", err, stdout)
	}
	if r.Rate != "max" || r.Whole.Achieved <= r.Measured.Achieved || r.Achieved <= 0 || r.Audit.Acked != r.Whole.Achieved {
		t.Errorf("result %+v, audit %+v", r, r.Audit)
	}
}

// TestPlantedLies plants one wrong at a time.
func TestPlantedLies(t *testing.T) {
	for name, plant := range map[string]struct {
		lie  func(c *clienttest.Cluster)
		code int
		says string
	}{
		"another amount": {func(c *clienttest.Cluster) {
			c.Sabotage(func(b []byte) []byte { b[offAmount] ^= 1; return b })
		}, exitAudit, "sent as"},
		"another id": {func(c *clienttest.Cluster) {
			c.Sabotage(func(b []byte) []byte { b[offID+10] ^= 0x40; return b })
		}, exitAudit, "is not found"},
		"one payment lost": {func(c *clienttest.Cluster) {
			// An event between an account and itself fails.
			c.Sabotage(func(b []byte) []byte { copy(b[offCredit:offCredit+16], b[offDebit:offDebit+16]); return b })
		}, exitAudit, "another code"},
		"another state":  {func(c *clienttest.Cluster) { c.Diverge(2) }, exitAudit, "different states"},
		"a dead replica": {func(c *clienttest.Cluster) { c.Kill(3) }, exitAudit, "replica 3 does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			c := clienttest.New(t, 2)
			dir := clusterDir(t, c)
			plant.lie(c)
			code, stdout, stderr := loadgen(t, small(dir, "--audit-timeout", "1s")...)
			if code != plant.code || !strings.Contains(stdout, plant.says) {
				t.Errorf("exit %d, want %d; want %q in\n%s%s", code, plant.code, plant.says, stdout, stderr)
			}
		})
	}
	t.Run("a dead replica that is expected", func(t *testing.T) {
		c := clienttest.New(t, 2)
		dir := clusterDir(t, c)
		c.Kill(3)
		if code, stdout, stderr := loadgen(t, small(dir, "--expect-replicas", "3")...); code != exitOK {
			t.Errorf("exit %d\n%s%s", code, stdout, stderr)
		}
	})
}

// TestSomebodyElsePays: the totals see a payment that no one of ours made,
// unless the ledger is said to be shared.
func TestSomebodyElsePays(t *testing.T) {
	c := clienttest.New(t, 3)
	dir := clusterDir(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stranger, err := client.Dial(ctx, c.Genesis, c.Keys[0], client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Close() }()
	gen, err := newGenerator(workUniform, 40, 1, 77, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	paying := make(chan struct{})
	go func() {
		defer close(paying)
		for b := uint64(0); ctx.Err() == nil; b++ {
			_, _ = stranger.Do(ctx, wire.OpCreateTransfers, gen.fill(nil, b))
			sleepUntil(ctx, time.Now().Add(20*time.Millisecond))
		}
	}()
	code, stdout, _ := loadgen(t, small(dir, "--audit-timeout", "1s", "--expect-replicas", "1")...)
	if code != exitAudit || !strings.Contains(stdout, "the ledgers grew by") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	if code, stdout, stderr := loadgen(t, small(dir, "--shared", "--expect-replicas", "1")...); code != exitOK {
		t.Errorf("shared: exit %d\n%s%s", code, stdout, stderr)
	}
	cancel()
	<-paying
}

// TestUnansweredRequestsAreResolved withholds some answers for ever: the audit
// must learn that the payments were executed.
func TestUnansweredRequestsAreResolved(t *testing.T) {
	c := clienttest.New(t, 2)
	dir := clusterDir(t, c)
	const batch = 50
	c.SetTamper(func(_ wire.ReplicaID, reply *wire.Reply) int {
		if len(reply.Result) == 4*batch && reply.Seq%9 == 3 {
			return 0
		}
		return 1
	})
	code, stdout, stderr := loadgen(t, small(dir, "--drain", "300ms")...)
	if code != exitOK || !strings.Contains(stdout, "requests without an answer resolved") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

// TestSampledAudit looks only a part up; the totals vouch for the rest.
func TestSampledAudit(t *testing.T) {
	c := clienttest.New(t, 3)
	dir := clusterDir(t, c)
	code, stdout, stderr := loadgen(t, small(dir, "--audit-max", "500")...)
	if code != exitOK || !strings.Contains(stdout, "of them looked up and compared, the rest counted") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

// TestShortfall stops the cluster for most of the run.
func TestShortfall(t *testing.T) {
	c := clienttest.New(t, 2)
	dir := clusterDir(t, c)
	var transfers atomic.Int32
	var reopen atomic.Int64
	c.SetIntercept(func(_ wire.ReplicaID, q *wire.Request) (wire.Kind, []byte) {
		if q.Op != wire.OpCreateTransfers {
			return 0, nil
		}
		if transfers.Add(1) == 1 {
			reopen.Store(time.Now().Add(1300 * time.Millisecond).UnixNano())
		}
		if time.Now().UnixNano() < reopen.Load() {
			return wire.KindPing, nil
		}
		return 0, nil
	})
	args := small(dir, "--shortfall", "0.01", "--batch", "1", "--rate", "1000", "--duration", "1200ms")
	code, stdout, stderr := loadgen(t, args...)
	if code != exitShortfall || !strings.Contains(stderr, "shortfall") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

func TestWrongCommandLines(t *testing.T) {
	c := clienttest.New(t, 2)
	dir := clusterDir(t, c)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"run"}, exitUsage, "dir"},
		{[]string{"dance"}, exitUsage, "dance"},
		{small(dir, "--rate", "0"), exitUsage, "rate"},
		{small(dir, "--rate", "-5"), exitUsage, "rate"},
		{small(dir, "--rate", "NaN"), exitUsage, "rate"},
		{small(dir, "--batch", "0"), exitUsage, "--batch"},
		{small(dir, "--batch", "8190"), exitUsage, "--batch"},
		{small(dir, "--workload", "chaos"), exitUsage, "--workload"},
		{small(dir, "--arrivals", "bursts"), exitUsage, "--arrivals"},
		{small(dir, "--accounts", "1"), exitUsage, "--accounts"},
		{small(dir, "--warmup", "1s"), exitUsage, "--warmup"},
		{small(dir, "--in-flight", "65"), exitUsage, "--in-flight"},
		{small(dir, "--signed", "--signed-ahead", "20000001"), exitUsage, "--signed-ahead"},
		{small(dir, "--at", "20s hug primary"), exitUsage, "the actions are"},
		{small(dir, "--at", "1s kill primary"), exitUsage, "the load at 1s"},
		{small(dir, "--at", "500ms kill primary"), exitUsage, "replica 0"},
		{small(dir, "--chaos", filepath.Join(dir, "none")), exitUsage, "no such file"},
		{small(dir, "--chaos", filepath.Join(dir, "genesis.yaml")), exitUsage, "line "},
		{small(dir, "--chaos", "random"), exitUsage, "take a longer load"},
		{[]string{"chaos", "--dir", dir}, exitUsage, "nothing to do"},
		{[]string{"chaos", "--dir", dir + "x", "--at", "1s kill 0"}, exitConfig, "replica init"},
		{small(dir, "--begin", "noon"), exitUsage, "--begin"},
		{small(dir, "--begin", "2001-01-01T00:00:00Z"), exitUsage, "within the next hour"},
		{small(dir, "--out", dir), exitUsage, "not empty"},
		{small(dir, "--out", filepath.Join(dir, "genesis.yaml")), exitUsage, "--out"},
		{small(dir, "--first-client", "1"), exitConfig, "replica init --clients"},
		{small(dir, "--first-client", "-1"), exitUsage, "--first-client"},
		{small(dir, "--clients", "3"), exitConfig, "replica init --clients"},
		{small(dir, "--clients", "0"), exitConfig, "--clients"},
		{small(t.TempDir()), exitConfig, "replica init"},
		{[]string{"replay", "--dir", dir, "--file", filepath.Join(dir, "none.csv")}, exitInput, "none.csv"},
	} {
		code, _, stderr := loadgen(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: exit %d, want %d; %q, want %q in it", c.args, code, c.code, stderr, c.says)
		}
	}
	path := filepath.Join(dir, "clients", "load-01.yaml")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := loadgen(t, small(dir)...); code != exitConfig || !strings.Contains(stderr, "chmod 600") {
		t.Errorf("an exposed key: exit %d, %q", code, stderr)
	}
}

func TestNoCluster(t *testing.T) {
	c := clienttest.New(t, 2)
	dir := clusterDir(t, c)
	for r := range clienttest.Replicas {
		c.Kill(wire.ReplicaID(r))
	}
	code, _, stderr := loadgen(t, small(dir, "--connect-timeout", "300ms")...)
	if code != exitFailure || !strings.Contains(stderr, "replica status") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestReplay(t *testing.T) {
	c := clienttest.New(t, 2)
	dir := clusterDir(t, c)
	file, balances, out := filepath.Join(dir, "t.csv"), filepath.Join(dir, "b.csv"), filepath.Join(dir, "out")
	text := "id,debit_account_id,credit_account_id,amount,flags,pending_id\n"
	for i := range 100 {
		text += fmt.Sprintf("%d,%d,%d,%d,,0\n", 1000+i, 1+i%5, 6+i%3, i)
	}
	text += "5000,1,6,700,pending,0\n5001,1,6,700,post_pending_transfer,5000\n5002,2,2,1,,0\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"replay", "--dir", dir, "--file", file, "--create-accounts", "--batch", "7", "--balances", balances, "--out", out, "--receipts", "5"}
	code, stdout, stderr := loadgen(t, args...)
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	for _, want := range []string{"102 ok", "1 accounts_must_be_different", "audit: 102 acked, 102 found once", "5/5 receipts"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	got, err := os.ReadFile(balances)
	if err != nil {
		t.Fatal(err)
	}
	if want := slowBalances(100); string(got) != want {
		t.Errorf("balances\n%swant\n%s", got, want)
	}
	// Results are not written over; the same file again changes nothing and says so.
	if code, _, stderr := loadgen(t, args...); code != exitUsage || !strings.Contains(stderr, "is not empty") {
		t.Errorf("into the same directory: exit %d\n%s", code, stderr)
	}
	code, stdout, stderr = loadgen(t, append(args, "--out", out+"-2")...)
	if code != exitOK || !strings.Contains(stdout, "102 exists") || !strings.Contains(stdout, "audit: 0 acked") {
		t.Errorf("again: exit %d\n%s%s", code, stdout, stderr)
	}
}

// slowBalances computes what TestReplay's file must lead to, in a plain loop.
func slowBalances(n int) string {
	var debits, credits [9]int
	for i := range n {
		debits[1+i%5] += i
		credits[6+i%3] += i
	}
	debits[1] += 700
	credits[6] += 700
	text := "account_id,ledger,debits_pending,debits_posted,credits_pending,credits_posted\n"
	for id := 1; id <= 8; id++ {
		text += fmt.Sprintf("%d,1,0,%d,0,%d\n", id, debits[id], credits[id])
	}
	return text
}

// TestSignedRun: every payment under its payer's own signature, and the receipts
// and the audit of any run.
func TestSignedRun(t *testing.T) {
	c := clienttest.New(t, 3)
	dir := clusterDir(t, c)
	for _, work := range []string{workUniform, workZipf, workLinked} {
		code, stdout, stderr := loadgen(t, small(dir, "--workload", work, "--signed", "--signed-ahead", "1000", "--json")...)
		if code != exitOK {
			t.Fatalf("%s: exit %d\n%s%s", work, code, stdout, stderr)
		}
		var r result
		if err := json.Unmarshal([]byte(stdout), &r); err != nil {
			t.Fatal(err)
		}
		if r.Signed == nil || r.Signed.Payers != 40 || r.Signed.Ahead != 1000 || r.Whole.Offered > 1000 && r.Signed.Late == 0 {
			t.Errorf("%s: %+v of %d offered", work, r.Signed, r.Whole.Offered)
		}
		if !strings.Contains(stderr, "before the clock starts") || r.Audit.Acked == 0 || r.Audit.Receipts != 12 {
			t.Errorf("%s: %+v\n%s", work, r.Audit, stderr)
		}
	}
	for _, args := range [][]string{{"--workload", workTwoPhase}, {"--batch", fmt.Sprint(wire.SignedEventsMax + 1)}} {
		if code, _, stderr := loadgen(t, small(dir, append(args, "--signed")...)...); code != exitUsage {
			t.Errorf("%v: exit %d\n%s", args, code, stderr)
		}
	}
}

// TestPayersPayInTurn: as many payments as there are payers have that many
// signers, and a batch is the same signed ahead or late.
func TestPayersPayInTurn(t *testing.T) {
	g, err := newGenerator(workUniform, 60, 20, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := newPayers(60, wire.Digest{3})
	if err := g.signBy(p); err != nil {
		t.Fatal(err)
	}
	signers := map[[wire.KeyBytes]byte]bool{}
	for b := uint64(7); b < 10; b++ {
		late := g.fill(nil, b)
		p.ahead = make([][]byte, b+1)
		p.ahead[b] = p.seal(g.transfers(nil, b))
		if ahead := g.fill(nil, b); !bytes.Equal(ahead, late) || len(late) != 20*wire.SignedEventBytes {
			t.Fatalf("batch %d of %d and %d bytes differs", b, len(late), len(ahead))
		}
		p.ahead = nil
		_, seals := wire.SplitSigned(late)
		for i := range 20 {
			signers[wire.SealAt(seals, i).Key] = true
		}
	}
	if len(signers) != 60 {
		t.Errorf("%d signers of 60 payments", len(signers))
	}
}
