package client_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"quorate/client"
	"quorate/client/clienttest"
	"quorate/payments"
	"quorate/wire"
)

// Aim: C6: a receipt proves one event to anyone with genesis, and no byte of it
// can change.
// Method: receipts of a real block with many requests; every byte changed in
// turn; fields exchanged between two true receipts.

// settled runs many requests at once, so that blocks have several, and gives the
// result of the first transfer request.
func settled(t *testing.T, c *clienttest.Cluster, events int) client.Result {
	t.Helper()
	cl := dial(t, c, c.Keys[0], client.Options{})
	pay(t, cl, 1)
	var first client.Result
	var done sync.WaitGroup
	for i := range 12 {
		var body []byte
		for k := range events {
			tr := transfer(uint64(1000*(i+1)+k), 1, 2, uint64(1+k))
			if k == 1 {
				tr.CreditAccountID = payments.U64(404)
			}
			body = tr.Append(body)
		}
		done.Add(1)
		if err := cl.Submit(deadline(t), wire.OpCreateTransfers, body, func(r client.Result) {
			if i == 5 {
				first = r
			}
			done.Done()
		}); err != nil {
			t.Fatal(err)
		}
	}
	done.Wait()
	if first.Err != nil {
		t.Fatal(first.Err)
	}
	return first
}

func scopeOf(c *clienttest.Cluster) wire.Scope {
	return wire.Scope{Cluster: c.Genesis.Hash(), Epoch: c.Genesis.Epoch}
}

func receiptOf(t *testing.T, c *clienttest.Cluster, r client.Result, index int) []byte {
	t.Helper()
	receipt, err := client.BuildReceipt(scopeOf(c), &r.Request, &r.Reply, index)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Encode()
}

func TestReceipt(t *testing.T) {
	c := clienttest.New(t, 1)
	r := settled(t, c, 300)
	for _, index := range []int{0, 1, 7, 8, 255, 256, 299} {
		file := receiptOf(t, c, r, index)
		receipt, err := client.VerifyReceipt(c.Genesis, file)
		if err != nil {
			t.Fatalf("event %d: %v", index, err)
		}
		var tr payments.Transfer
		if err := tr.Decode(receipt.Event()); err != nil || tr.ID != payments.U64(uint64(6000+index)) {
			t.Errorf("event %d shows transfer %s", index, tr.ID)
		}
		want := payments.TransferOK
		if index == 1 {
			want = payments.TransferCreditAccountNotFound
		}
		if payments.TransferCode(receipt.Code()) != want {
			t.Errorf("event %d has code %d, want %d", index, receipt.Code(), want)
		}
		if !strings.Contains(string(file), `"name": "`+want.String()+`"`) || len(file) > client.ReceiptBytesMax {
			t.Errorf("event %d: file of %d bytes does not name %s", index, len(file), want)
		}
		if receipt.Timestamp() < r.Reply.Header.Time {
			t.Errorf("event %d happened at %d, before its block's %d", index, receipt.Timestamp(), r.Reply.Header.Time)
		}
	}
}

// TestReceiptEveryByte changes each byte of a receipt in several ways. The
// certificate is checked for the few that get so far, so it takes a moment.
func TestReceiptEveryByte(t *testing.T) {
	c := clienttest.New(t, 1)
	file := receiptOf(t, c, settled(t, c, 20), 9)
	verifier, err := client.NewVerifier(c.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.VerifyReceipt(file); err != nil {
		t.Fatal(err)
	}
	for at := range file {
		for _, change := range []func(byte) byte{
			func(b byte) byte { return b ^ 1 },
			func(b byte) byte { return b ^ 0x20 }, // the other case; a space for nothing
			func(b byte) byte { return b + 1 },
		} {
			damaged := bytes.Clone(file)
			damaged[at] = change(file[at])
			if _, err := verifier.VerifyReceipt(damaged); !errors.Is(err, client.ErrReceipt) {
				t.Fatalf("byte %d of %d: %q for %q is accepted (%v)", at, len(file), damaged[at], file[at], err)
			}
		}
		if _, err := verifier.VerifyReceipt(append(bytes.Clone(file[:at]), file[at+1:]...)); err == nil {
			t.Fatalf("without byte %d: accepted", at)
		}
	}
	for _, tail := range []string{" ", "\n", "{}", "\x00"} {
		if _, err := verifier.VerifyReceipt(append(bytes.Clone(file), tail...)); err == nil {
			t.Errorf("with %q behind it: accepted", tail)
		}
	}
}

// TestReceiptLies edits a receipt as a forger would, with a consistent file.
func TestReceiptLies(t *testing.T) {
	c := clienttest.New(t, 1)
	r := settled(t, c, 20)
	build := func() *client.Receipt {
		receipt, err := client.BuildReceipt(scopeOf(c), &r.Request, &r.Reply, 9)
		if err != nil {
			t.Fatal(err)
		}
		return receipt
	}
	ownBlock := build()
	ownBlock.Header.ResultRoot = wire.Digest{1}
	for name, lie := range map[string]func(*client.Receipt){
		"amount":           func(r *client.Receipt) { r.Event()[48]++ },
		"neighbour":        func(r *client.Receipt) { r.BodyChunk[0]++ },
		"code":             func(r *client.Receipt) { r.ResultChunk[9*4]++ },
		"index":            func(r *client.Receipt) { r.EventIndex = 18 },
		"index past end":   func(r *client.Receipt) { r.EventIndex = 20 },
		"negative index":   func(r *client.Receipt) { r.EventIndex = -1 },
		"client":           func(r *client.Receipt) { r.Client++ },
		"seq":              func(r *client.Receipt) { r.Seq++ },
		"timestamp":        func(r *client.Receipt) { r.FirstTimestamp++ },
		"place in block":   func(r *client.Receipt) { r.BlockIndex++ },
		"operation":        func(r *client.Receipt) { r.Op = wire.OpCreateAccounts },
		"lookup":           func(r *client.Receipt) { r.Op = wire.OpLookupAccounts },
		"body length":      func(r *client.Receipt) { r.BodyBytes += wire.EventBytes; r.ResultBytes += 4 },
		"result length":    func(r *client.Receipt) { r.ResultBytes += 4 },
		"parent":           func(r *client.Receipt) { r.Header.Parent[0]++ },
		"block seq":        func(r *client.Receipt) { r.Header.Seq++ },
		"certificate":      func(r *client.Receipt) { r.Pi = bentPi(r.Pi) },
		"no certificate":   func(r *client.Receipt) { r.Pi = wire.Certificate{} },
		"side of the path": func(r *client.Receipt) { r.BlockPath = []client.Sibling{{Left: true}} },
		"path too long":    func(r *client.Receipt) { r.BlockPath = make([]client.Sibling, 25) },
		"epoch":            func(r *client.Receipt) { r.Scope.Epoch++ },
		"cluster":          func(r *client.Receipt) { r.Scope.Cluster[0]++ },
		"own block":        func(r *client.Receipt) { r.Header = ownBlock.Header },
	} {
		receipt := build()
		receipt.BodyChunk = bytes.Clone(receipt.BodyChunk)
		lie(receipt)
		file := encode(receipt)
		if file == nil {
			continue // a shape that cannot be written cannot be read either
		}
		if _, err := client.VerifyReceipt(c.Genesis, file); !errors.Is(err, client.ErrReceipt) {
			t.Errorf("%s: error %v, want ErrReceipt", name, err)
		}
	}
	other := clienttest.New(t, 1)
	if _, err := client.VerifyReceipt(other.Genesis, build().Encode()); !errors.Is(err, client.ErrReceipt) {
		t.Errorf("another cluster's genesis: %v", err)
	}
}

// encode gives nil where the receipt's own methods panic on a forged shape.
func encode(r *client.Receipt) (file []byte) {
	defer func() { _ = recover() }()
	return r.Encode()
}

func TestBuildReceiptRefuses(t *testing.T) {
	c := clienttest.New(t, 1)
	r := settled(t, c, 4)
	for name, spoil := range map[string]func(q *wire.Request, m *wire.Reply) int{
		"lookup":         func(q *wire.Request, _ *wire.Reply) int { q.Op = wire.OpLookupAccounts; return 0 },
		"refused":        func(_ *wire.Request, m *wire.Reply) int { m.Status = 1; return 0 },
		"no such event":  func(*wire.Request, *wire.Reply) int { return 4 },
		"negative":       func(*wire.Request, *wire.Reply) int { return -1 },
		"short result":   func(_ *wire.Request, m *wire.Reply) int { m.Result = m.Result[:4]; return 0 },
		"another result": func(_ *wire.Request, m *wire.Reply) int { m.Result = make([]byte, 16); m.Result[0] = 1; return 0 },
		"another seq":    func(q *wire.Request, _ *wire.Reply) int { q.Seq++; return 0 },
	} {
		q, m := r.Request, r.Reply
		index := spoil(&q, &m)
		if _, err := client.BuildReceipt(scopeOf(c), &q, &m, index); !errors.Is(err, client.ErrReceipt) {
			t.Errorf("%s: error %v, want ErrReceipt", name, err)
		}
	}
}

func TestAccountReceipt(t *testing.T) {
	c := clienttest.New(t, 1)
	cl := dial(t, c, c.Keys[0], client.Options{})
	a := account(5)
	r, err := cl.Do(context.Background(), wire.OpCreateAccounts, a.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	file := receiptOf(t, c, r, 0)
	if _, err := client.VerifyReceipt(c.Genesis, file); err != nil || !strings.Contains(string(file), `"account": {`) {
		t.Errorf("%v in\n%s", err, file)
	}
}

func TestVerifyReceiptGarbage(t *testing.T) {
	c := clienttest.New(t, 1)
	v, err := client.NewVerifier(c.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	good := string(receiptOf(t, c, settled(t, c, 2), 0))
	for name, file := range map[string]string{
		"empty": "", "null": "null", "list": "[]", "no fields": "{}", "number": "1e400",
		"unknown field":   strings.Replace(good, `"epoch"`, `"Epoch2": 1, "epoch"`, 1),
		"field twice":     strings.Replace(good, `"epoch": "1",`, `"epoch": "1", "epoch": "1",`, 1),
		"other case":      strings.Replace(good, `"epoch"`, `"Epoch"`, 1),
		"bare number":     strings.Replace(good, `"epoch": "1"`, `"epoch": 1`, 1),
		"leading zero":    strings.Replace(good, `"epoch": "1"`, `"epoch": "01"`, 1),
		"BOM":             "\ufeff" + good,
		"one line":        strings.ReplaceAll(strings.ReplaceAll(good, "\n", ""), "  ", ""),
		"too long":        good + strings.Repeat(" ", client.ReceiptBytesMax),
		"another format":  strings.Replace(good, "quorate-receipt/1", "quorate-receipt/2", 1),
		"escaped letters": strings.Replace(good, `"transfer"`, "\"\\u0074ransfer\"", 1),
	} {
		if _, err := v.VerifyReceipt([]byte(file)); !errors.Is(err, client.ErrReceipt) {
			t.Errorf("%s: error %v, want ErrReceipt", name, err)
		}
	}
}

func TestReceiptDamageAtRandom(t *testing.T) {
	c := clienttest.New(t, 1)
	v, err := client.NewVerifier(c.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	r := settled(t, c, 20)
	a, b := receiptOf(t, c, r, 3), receiptOf(t, c, r, 17)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(a)-1).Draw(t, "from")
		to := rapid.IntRange(from, len(a)).Draw(t, "to")
		mixed := bytes.Clone(a)
		copy(mixed[from:to], b[min(from, len(b)):])
		_, err := v.VerifyReceipt(mixed)
		if whole := bytes.Equal(mixed, a) || bytes.Equal(mixed, b); (err == nil) != whole {
			t.Fatalf("bytes %d..%d of another receipt: error %v", from, to, err)
		}
	})
}

func FuzzVerifyReceipt(f *testing.F) {
	f.Add([]byte(`{"format":"quorate-receipt/1"}`))
	c := clienttest.New(f, 1)
	v, err := client.NewVerifier(c.Genesis)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, err := v.VerifyReceipt(file); err != nil && !errors.Is(err, client.ErrReceipt) {
			t.Fatalf("error %v does not wrap ErrReceipt", err)
		}
	})
}

func TestVerifierRemembersGoodOnly(t *testing.T) {
	c := clienttest.New(t, 1)
	v, err := client.NewVerifier(c.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for seq := wire.SeqNum(1); seq < 4; seq++ {
		h := wire.BlockHeader{Seq: seq}
		pi, err := c.Certify(&h)
		if err != nil {
			t.Fatal(err)
		}
		bad := h
		bad.Time++
		for range 8 {
			wait.Go(func() {
				if err := v.Check(&h, pi); err != nil {
					t.Error(err)
				}
				if err := v.Check(&bad, pi); !errors.Is(err, client.ErrCertificate) {
					t.Errorf("a certificate of another block: %v", err)
				}
			})
		}
	}
	wait.Wait()
}

// bentPi flips a bit of a certificate.
func bentPi(pi wire.Certificate) wire.Certificate {
	b := bytes.Clone(pi.Bytes())
	b[20] ^= 1
	pi, _ = wire.NewCertificate(b) // as long as it was
	return pi
}
