// Package paymentsmodel is the slow obvious twin of package payments: maps,
// big integers, and brute force over everything that ever happened. It was
// written from the rules, not from the machine's code; its tables of checks are
// the precedence of codes.
//
// It imports nothing of payments, so that the machine's own tests can use it, and
// so that a mistake in one is none in the other. The simulator replays every
// agreed block through it (C4).
//
// What it does not model is where the machine says "too much": budgets of work in
// a block, and pending transfers that expire some blocks late because many are due.
//
// Thread: the caller's. In: blocks of requests. Out: what each must give.
package paymentsmodel
