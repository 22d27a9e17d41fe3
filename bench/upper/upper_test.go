package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"quorate/payments"
	"quorate/wire"
)

// Aim: the bound counts what is there, and its check finds what is not. Method:
// short runs over real files; a run that is told to expect one payment more.

var binaries string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "upper-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if out, err := exec.Command("go", "build", "-o", dir, "quorate/cmd/replica").CombinedOutput(); err != nil {
			panic(string(out))
		}
		binaries = dir
		return m.Run()
	}())
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	err := run([]string{"-dir", filepath.Join(t.TempDir(), "c"), "-binaries", binaries, "-clients", "2", "-batch", "100",
		"-accounts", "9000", "-warmup", "0", "-duration", "300ms"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Payments == 0 || r.Acked < r.Payments || r.Seconds < 0.3 || r.ServerCPU <= 0 || r.ClientCPU <= 0 || !strings.Contains(r.Checked, "9000 accounts") {
		t.Errorf("%+v", r)
	}
}

// opened is a bound with its accounts made.
func opened(t *testing.T) *bound {
	t.Helper()
	o, err := parse([]string{"-dir", filepath.Join(t.TempDir(), "c"), "-binaries", binaries, "-clients", "1", "-batch", "10", "-accounts", "5"})
	if err != nil {
		t.Fatal(err)
	}
	b := &bound{options: o}
	if b.cluster, err = b.deal(); err != nil {
		t.Fatal(err)
	}
	if err := b.open(); err != nil {
		t.Fatal(err)
	}
	if err := b.prepare(); err != nil {
		t.Fatal(errors.Join(err, b.close()))
	}
	return b
}

// pay sends batches one after the other.
func (b *bound) pay(t *testing.T, batches int) {
	t.Helper()
	for range batches {
		b.load.next(0)
		f, err := b.load.receive(b.failed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.load.paid(f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckFindsWhatIsMissing(t *testing.T) {
	b := opened(t)
	b.pay(t, 3)
	if err := b.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.check(); err != nil {
		t.Errorf("a good run: %v", err)
	}
	b.load.batches, b.load.acked = 4, 40 // one that was never sent
	if _, err := b.check(); !errors.Is(err, errMissing) {
		t.Errorf("a batch that is not there: %v", err)
	}
	b.load.acked = 39
	if _, err := b.check(); !errors.Is(err, errMissing) {
		t.Errorf("a batch without an answer: %v", err)
	}
}

func TestRefusedPaymentsEndTheRun(t *testing.T) {
	b := opened(t)
	defer func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}()
	b.pay(t, 1)
	b.load.batches = 0 // the same ids again
	b.load.next(0)
	f, err := b.load.receive(b.failed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.load.paid(f); !errors.Is(err, errRefused) {
		t.Errorf("payments that were made before: %v", err)
	}
	if _, err := b.load.paid(f); !errors.Is(err, errRefused) {
		t.Errorf("an answer to nothing: %v", err)
	}
	if _, err := b.load.paid(frame{kind: wire.KindReject}); !errors.Is(err, errRefused) {
		t.Errorf("a refusal: %v", err)
	}
}

// TestOffsets holds the generator against the codec.
func TestOffsets(t *testing.T) {
	l := &load{ledger: 7, accounts: 3, events: 50}
	body := l.fill(4)
	if !bytes.Equal(body, l.fill(4)) || bytes.Equal(body, l.fill(5)) {
		t.Fatal("a batch is not the same every time, or the same as another")
	}
	sum := uint64(0)
	for i := range l.events {
		var x payments.Transfer
		if err := x.Decode(body[i*payments.RecordBytes : (i+1)*payments.RecordBytes]); err != nil {
			t.Fatal(err)
		}
		if x.ID.Lo != uint64(4*50+i+1) || x.Ledger != 7 || x.Code != 1 || x.DebitAccountID == x.CreditAccountID ||
			x.DebitAccountID.Lo < 1 || x.DebitAccountID.Lo > 3 || x.CreditAccountID.Lo < 1 || x.CreditAccountID.Lo > 3 || x.Amount.Lo < 1 {
			t.Fatalf("%+v", x)
		}
		sum += x.Amount.Lo
		if binary.LittleEndian.Uint64(body[i*payments.RecordBytes+offAmount:]) != x.Amount.Lo {
			t.Fatal("the amount is elsewhere")
		}
	}
	l.batches = 5
	var debits, credits uint64
	for _, s := range l.expected() {
		debits, credits = debits+s.debits, credits+s.credits
	}
	if debits != credits || debits <= sum {
		t.Errorf("debits %d, credits %d; one of five batches has %d", debits, credits, sum)
	}
}

func TestFlagsOutsideTheirRanges(t *testing.T) {
	for _, args := range []string{"", "-dir x rest", "-dir x -clients 0", "-dir x -in-flight 65", "-dir x -batch 8190", "-dir x -accounts 1", "-dir x -duration 0s"} {
		if _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
