package comet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quorate/bench/peers/child"
	"quorate/bench/peers/transfer"
)

// ErrCheck says that a validator's balances are not what was acknowledged.
var ErrCheck = errors.New("comet: balances are not those of the acknowledged payments")

// expected adds up payments 0 to n−1.
func expected(n uint64) []uint64 {
	all := make([]uint64, accounts)
	for i := range all {
		all[i] = opening
	}
	for i := range n {
		t := transfer.Nth(i, accounts)
		all[t.Debit] -= t.Amount
		all[t.Credit] += t.Amount
	}
	return all
}

// check compares every balance at every validator with what the payments make.
// They execute the last block at different times.
func (c *client) check(ctx context.Context) (string, error) {
	n := c.next.Load() * uint64(c.cfg.Payments)
	if n != c.meter.Acked() {
		return "", fmt.Errorf("%w: %d sent, %d acknowledged", ErrCheck, n, c.meter.Acked())
	}
	want := expected(n)
	for i, node := range c.nodes {
		err := child.Eventually(time.Minute, fmt.Sprintf("validator %d has executed all", i), func() error {
			_, failed, got, err := node.state(ctx)
			if err != nil {
				return err
			}
			return compare(got, want, failed)
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("all %d balances at each of %d validators are those of the %d acknowledged payments", accounts, len(c.nodes), n), nil
}

func compare(got, want []uint64, failed uint64) error {
	if failed > 0 {
		return fmt.Errorf("%w: %d transactions failed", ErrCheck, failed)
	}
	for i := range want {
		if got[i] != want[i] {
			return fmt.Errorf("%w: account %d has %d, not %d", ErrCheck, i, got[i], want[i])
		}
	}
	return nil
}
