package disks

import (
	"context"
	"errors"
	"fmt"

	"quorate/payments"
	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

// chain is what was agreed, as the first replica that executed it tells.
type chain struct {
	setup   *Setup
	headers []wire.BlockHeader // of seq i+1
}

// follow compares a replica's newest blocks with the chain and lengthens it.
func (k *chain) follow(n *node) {
	head := n.replica.Status().Executed
	for seq := wire.SeqNum(len(k.headers)) + 1; seq <= head; seq++ {
		b, err := n.replica.Ledger().Block(seq)
		if err != nil {
			return // the replica will say so itself
		}
		h, _, err := pipeline.ReadRequests(k.setup.Cluster, b)
		if err != nil {
			n.c.fail("replica %d: block %d: %v", n.id, seq, err)
			return
		}
		k.headers = append(k.headers, h)
	}
	if problem := k.compare(head, n.replica.Status().Execute); problem != "" {
		n.c.fail("replica %d: %s", n.id, problem)
	}
}

// compare holds a replica's execution digest, which names its whole history,
// against the chain.
func (k *chain) compare(seq wire.SeqNum, execute wire.Digest) string {
	hash := k.setup.Cluster
	if seq > 0 {
		hash = k.headers[seq-1].Hash()
	}
	if seq > 0 && k.setup.scope().ExecuteHash(seq, hash) != execute {
		return fmt.Sprintf("another history up to block %d", seq)
	}
	return ""
}

// verify does what `replica verify` does with a ledger, and compares it with the
// chain (D3).
func (k *chain) verify(ledger pipeline.Ledger) (head wire.SeqNum, err error) {
	if err := ledger.(*storage.Ledger).Verify(nil); err != nil {
		return 0, err
	}
	cfg := pipeline.Config{Cluster: k.setup.Cluster, Epoch: k.setup.Epoch, Quorums: k.setup.Quorums, Payments: k.setup.Payments}
	report, err := pipeline.VerifyLedger(context.Background(), cfg, k.setup.Suites[0], ledger, nil)
	if err != nil {
		return 0, err
	}
	head, _ = ledger.Head()
	if int(head) > len(k.headers) {
		return head, fmt.Errorf("%d blocks, agreed are %d", head, len(k.headers))
	}
	if problem := k.compare(head, report.Execute); problem != "" {
		return head, errors.New(problem)
	}
	return head, nil
}

// requestKey names a client's request.
type requestKey struct {
	client wire.ClientID
	seq    uint64
}

// ack is what a client was told, without the certificate.
type ack struct {
	seq    wire.SeqNum
	index  uint32
	status uint16
	result string
}

// clients ask, repeat and remember.
type clients struct {
	setup *Setup
	open  []wire.Request
	next  [8]uint64
	acks  map[requestKey]ack
	order []wire.Request // acknowledged, oldest first
	acked func(acks int) // called when there is one more; nil: nothing
}

// ask submits a request of a client, numbered from 1.
func (k *clients) ask(client wire.ClientID, op wire.Op, body []byte) {
	k.next[client]++
	q := wire.Request{Client: client, Seq: k.next[client], Op: op, Body: body}
	q.Signature = k.setup.Sign(client, wire.SigningBytes(q.Digest(k.setup.Cluster)))
	k.open = append(k.open, q)
}

// resendTicks is how often a request is sent, each time to everybody.
const resendTicks = 10

func (k *clients) resend(c *crowd) {
	if c.ticks%resendTicks != 1 {
		return
	}
	for i := range k.open {
		k.send(c, &k.open[i])
	}
}

func (k *clients) send(c *crowd, q *wire.Request) {
	for _, n := range c.nodes {
		if n.up && n.replica.Err() == nil {
			n.replica.Ingress().ClientFrame(pipeline.ConnID(q.Client), q.Client, wire.KindRequest, q.Append(nil))
		}
	}
}

// reply takes a reply: proven, and equal to every earlier one to the request.
func (k *clients) reply(body []byte) (problem string) {
	r, err := wire.DecodeReply(body)
	if err != nil {
		return fmt.Sprintf("a reply does not decode: %v", err)
	}
	key := requestKey{r.Client, r.Seq}
	is := ack{r.Header.Seq, r.Index, r.Status, string(r.Result)}
	was, known := k.acks[key]
	if known && was != is {
		return fmt.Sprintf("request %d/%d is answered from block %d status %d, at first from block %d status %d", r.Client, r.Seq, is.seq, is.status, was.seq, was.status)
	}
	for i := range k.open {
		q := &k.open[i]
		if q.Client != r.Client || q.Seq != r.Seq {
			continue
		}
		hash := k.setup.scope().ExecuteHash(r.Header.Seq, r.Header.Hash())
		if !r.Proves(q.Digest(k.setup.Cluster)) || !k.setup.Suites[0].VerifyGroup(purposePi, hash, r.Pi) {
			return fmt.Sprintf("the reply to %d/%d proves nothing", r.Client, r.Seq)
		}
		if !known {
			k.acks[key] = is
			k.order = append(k.order, *q)
			if k.acked != nil {
				k.acked(len(k.order))
			}
		}
		k.open = append(k.open[:i:i], k.open[i+1:]...)
		break
	}
	return ""
}

// recall makes the first acknowledged requests of another's clients open again:
// each must get the reply that it got.
func (k *clients) recall(from *clients, acks int) {
	for _, q := range from.order[:acks] {
		k.open = append(k.open, q)
		key := requestKey{q.Client, q.Seq}
		k.acks[key] = from.acks[key]
	}
	k.next = from.next
}

// accounts is a body that makes accounts 1 to n.
func accounts(n int) (body []byte) {
	for i := range n {
		a := payments.Account{ID: payments.U64(uint64(i + 1)), Ledger: 1, Code: 1}
		if i%4 == 3 {
			a.Flags = payments.AccountHistory
		}
		body = a.Append(body)
	}
	return body
}

// transfers is a body of n payments between the accounts; the ids follow first.
func transfers(first uint64, n, accounts int) (body []byte) {
	for i := range uint64(n) {
		id := first + i
		t := payments.Transfer{ID: payments.U64(id), DebitAccountID: payments.U64(1 + id%uint64(accounts)),
			CreditAccountID: payments.U64(1 + (id*7+3)%uint64(accounts)), Amount: payments.U64(1 + id%13), Ledger: 1, Code: 1}
		if id%9 == 4 {
			t.Flags, t.Timeout = payments.TransferPending, 1
		}
		body = t.Append(body)
	}
	return body
}
