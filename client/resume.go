package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"quorate/payments"
	"quorate/wire"
)

const (
	// seqJump is how far behind the newest executed seq the replicas take a new
	// one (payments: SessionJumpMax); the search steps by it.
	seqJump = 1 << 20
	// seqClear is the distance from a seq inside the window to one that puts
	// the window past all that earlier processes sent. With h the newest executed
	// seq, what is inside is above h−WindowMax, and what was sent is at most
	// h+WindowMax, since its process executed the seq before its first request.
	// One window to reach h, one to get past what was sent, and one so that all
	// of that falls out of the window.
	seqClear = 3 * WindowMax
	// probesMax bounds the search: 64 doublings and 64 halvings of a u64.
	probesMax = 128
)

// standing says where a probed seq lies.
type standing uint8

const (
	seqInside standing = iota // in the window, used or not
	seqTooOld
	seqTooFar
)

// resume finds a seq that is inside the replicas' window for this client, and
// goes on clear above it (Invariants C2 and C7): by one more probe, executed
// there. Nothing is asked of one replica: a
// probe is an ordinary request, whose answer is proven, or refused by f+1. It
// holds a random id so that it is never the same request as an earlier
// process's probe, whose answer would say nothing about the window.
//
// A hint in the server's hello was the other way: one round trip less, but it
// is one replica's word, and a liar's would cost the client its session.
func (c *Client) resume(ctx context.Context) error {
	low, high := uint64(0), uint64(0) // low is too old, high too far; 0: not known
	seq := uint64(1)
	for range probesMax {
		where, err := c.probe(ctx, seq)
		switch {
		case err != nil:
			return err
		case where == seqInside:
			return c.settle(ctx, seq+seqClear)
		case where == seqTooOld:
			low = seq
		default:
			high = seq
		}
		switch {
		case high == 0:
			seq = low + max(low, seqJump)
		case high-low < 2:
			return fmt.Errorf("%w: the window of client %d moved during the search at seq %d", ErrLink, c.keys.ID, seq)
		default:
			seq = low + (high-low)/2
		}
	}
	return fmt.Errorf("%w: no window for client %d found in %d probes", ErrLink, c.keys.ID, probesMax)
}

// settle executes a probe at seq, which moves the replicas' window past all that
// earlier processes of this client sent (Invariant C7). Jumping there without it
// left the window where it was: a process that died with its first requests on
// the way, and its successor, used the same seqs for different requests.
func (c *Client) settle(ctx context.Context, seq uint64) error {
	where, err := c.probe(ctx, seq)
	if err == nil && where != seqInside {
		err = fmt.Errorf("%w: the window of client %d moved while it was entered at seq %d", ErrLink, c.keys.ID, seq)
	}
	return err
}

// probe sends a lookup of a random id under seq.
func (c *Client) probe(ctx context.Context, seq uint64) (standing, error) {
	if err := c.skip(seq); err != nil {
		return 0, err
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return 0, err
	}
	_, err := c.Do(ctx, wire.OpLookupAccounts, id)
	var status *StatusError
	var refused *RefusedError
	switch {
	case err == nil:
		return seqInside, nil
	case errors.As(err, &status):
		switch status.Status {
		case payments.StatusSeqTooOld:
			return seqTooOld, nil
		case payments.StatusSeqTooFar:
			return seqTooFar, nil
		case payments.StatusRequestIDReused, payments.StatusNotAuthorized:
			return seqInside, nil
		}
	case errors.As(err, &refused):
		switch refused.Code {
		case wire.RejectSeqTooOld:
			return seqTooOld, nil
		case wire.RejectSeqTooFar:
			return seqTooFar, nil
		case wire.RejectIDReused, wire.RejectNotAuthorized:
			return seqInside, nil
		}
	}
	return 0, fmt.Errorf("client: probe of seq %d: %w", seq, err)
}

// skip makes seq the next one of the session.
func (c *Client) skip(seq uint64) error {
	answer := make(chan error, 1)
	if !c.post(event{kind: eventCall, call: func(s *Session) { answer <- s.restart(seq) }}) {
		return ErrClosed
	}
	select {
	case err := <-answer:
		return err
	case <-c.done:
		return ErrClosed
	}
}
