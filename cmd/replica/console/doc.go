// Package console is the page that a replica shows to its operator's browser,
// and the JSON behind it.
//
// It shows what one replica knows: its own counters, stages and blocks, an
// account, what the others say of themselves, what changed of late. It changes
// nothing, proves nothing to anyone, and knows no users; who can connect can
// read. The page and all it needs is compiled in and loads nothing from
// elsewhere. Metrics for machines are cmd/replica's /metrics, not this.
//
// Thread: New makes plain values; Run samples once a second on the goroutine
// that calls it; Handler and Recent may be used from any goroutine.
//
// Inputs: a Source (pipeline.Replica), log records, HTTP requests. Outputs: HTML
// and JSON under /api/v1, described in docs/console.md.
//
// Invariants:
//
//	C1  Reading is all that is possible: GET and HEAD; the Source has no method
//	    that changes a replica's mind.
//	C2  Everything has a bound: history, remembered lines, answers at once, their
//	    length and their time. What a page costs does not hang on how many look:
//	    sampling goes on once a second, and answersMax requests are served.
//	C3  A name that an attacker's DNS could point here is refused: the Host header
//	    is an address, localhost, this host's own name, or the configured one.
//	C4  Every refusal is JSON with a stable code, its cause and the next step.
//	C5  The page runs no script and loads no style but those served with it
//	    (Content-Security-Policy), so that no text of a client can become code.
//	C6  What a replica says of itself is not believed of others: up to f liars
//	    spoil their own rows, and no number of theirs breaks the page (about.go).
package console
