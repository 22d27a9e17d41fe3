package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quorate/client"
	"quorate/payments"
	"quorate/wire"
)

// Aim: the rows of the threat list that today's parts can meet. Each bad input
// gets its typed answer, is counted once, changes nothing, and leaves memory,
// connections and queues where they were.
// Method: four real replicas; what is sent is made byte by byte, much of it from
// the one list of limits at limit−1, limit, limit+1, 2^31 and 2^63. After each
// input the replica that got it is asked, over the connection of a client that
// keeps every rule, where it stands: its execution digest names its whole
// history, so an equal one says that nothing was executed. badinput_client_test
// is the clients' port, badinput_peer_test the replicas', with replica 3's own
// key; badinput_slow_test has those that take time, badinput_ledger_test what is
// ordered and then refused, badinput_files_test files and command lines,
// badinput_limits_test the list.

func TestBadInput(t *testing.T) {
	long(t)
	b := &badRun{deployment: deploy(t, "--ledgers", "1:USD:2,2:EUR:2"), outer: t, rows: map[string]int{}}
	b.wrongFiles() // before anything runs: it may damage files and mend them
	b.startAll()
	b.openAccounts()
	b.settle(0, 1, 2, 3)
	b.badRequests()
	b.badClientFrames()
	b.badClientHellos()
	b.badClientSockets()
	b.badLedger()
	b.limits(reachClient)
	b.badReceipts()
	b.badSlow()
	b.serves(0, 1, 2, 3)
	b.becomeLiar() // replica 3 ends; from here on the test is replica 3
	b.badPeerSockets()
	b.badPeerFrames()
	b.limits(reachPeer)
	b.serves(0, 1, 2)
	b.stopAll(0, 1, 2)
	b.quietLogs(0, 1, 2)
	b.limits(reachFile)
	b.summary()
}

// badRun is one pass over all rows.
type badRun struct {
	*deployment
	honest  [4]*raw            // a connection to each replica of a client that keeps every rule
	control [4]wire.NodeStatus // where each stood when it was last right to move
	calm    [4]map[string]float64
	liar    map[wire.Link]*raw // the links of who speaks as replica 3
	spoke   map[wire.Link]time.Time
	paid    uint64     // payments that must all be there at the end
	outer   *testing.T // of the whole run; t is that of the input under way
	ledger  ledgerClient
	nextID  uint64 // of transfers that are refused

	rows    map[string]int // answered as expected, by row of the threat list
	edges   int            // inputs at a limit and not beyond, taken as they should
	wrong   int            // anything else than expected
	peakRSS float64
}

// settle notes where the replicas stand, and what they need while idle.
func (b *badRun) settle(ids ...int) {
	b.t.Helper()
	at := b.agree(ids...)
	for _, i := range ids {
		if b.honest[i] == nil {
			b.honest[i] = b.member(i, b.keys("load-06"))
		}
		b.control[i] = b.stands(i)
		if b.control[i].Execute != at.Execute {
			b.t.Fatalf("replica %d moves while nothing is asked of it", i)
		}
		if b.calm[i] == nil {
			b.calm[i] = b.scrape(i)
		}
	}
}

// stands asks replica i over the honest connection.
func (b *badRun) stands(i int) wire.NodeStatus {
	b.t.Helper()
	c := b.honest[i]
	c.renew()
	c.send(wire.KindStatusRequest, nil)
	kind, body, err := c.frame()
	if err != nil || kind != wire.KindStatusReply {
		b.t.Fatalf("replica %d does not answer an honest client: kind %d, %v", i, kind, err)
	}
	s, err := wire.DecodeNodeStatus(body)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// bad sends one bad input to replica i and judges what became of it. sample is
// the counter that must grow by one, or empty.
func (b *badRun) bad(row, name string, i int, sample string, send func()) {
	b.judge(row, name, i, sample, true, send)
}

// good is bad for an input at a limit that must be taken: it counts for nothing
// but must not be refused for the limit's sake.
func (b *badRun) good(row, name string, i int, sample string, send func()) {
	b.judge(row, name, i, sample, false, send)
}

func (b *badRun) judge(row, name string, i int, sample string, isBad bool, send func()) {
	outer := b.t
	ok := outer.Run(row+" "+name, func(t *testing.T) {
		b.t = t
		for _, c := range b.honest {
			if c != nil {
				c.t = t
			}
		}
		defer func() { b.t = outer }()
		before := b.scrape(i)
		send()
		b.countedOnce(i, sample, before)
		b.unmoved(i)
	})
	switch {
	case !ok:
		b.wrong++
	case isBad:
		b.rows[row]++
	default:
		b.edges++
	}
}

// countedOnce waits until the counter has grown by one. That it did not grow by
// two, the next input's reading would show.
func (b *badRun) countedOnce(i int, sample string, before map[string]float64) {
	b.t.Helper()
	if sample == "" {
		return
	}
	if _, there := before[sample]; !there {
		b.t.Fatalf("there is no counter %s", sample)
	}
	deadline := time.Now().Add(settleMax)
	for {
		now := b.scrape(i)[sample]
		if now == before[sample]+1 {
			return
		}
		if now > before[sample]+1 || time.Now().After(deadline) {
			b.t.Fatalf("%s went from %v to %v", sample, before[sample], now)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// What one bad input may leave behind at most. The bounds are wide against
// noise and narrow against a leak that repeats: every one of hundreds of inputs
// is held against the same reading.
const (
	goroutinesMore = 40
	descriptorsMax = 24
	residentMore   = 256 << 20
	queuedMax      = 64
	heldBytesMax   = 8 << 20
)

// unmoved wants replica i alive, where it stood, and within its bounds.
func (b *badRun) unmoved(i int) {
	b.t.Helper()
	if !b.nodes[i].alive() {
		b.t.Fatalf("replica %d died", i)
	}
	if s := b.stands(i); s.Execute != b.control[i].Execute || s.Executed != b.control[i].Executed || s.Diverged {
		b.t.Errorf("replica %d moved: %+v, before %+v", i, s, b.control[i])
	}
	eventually(b.t, settleMax, "within bounds", func() error {
		now, calm := b.scrape(i), b.calm[i]
		b.peakRSS = max(b.peakRSS, now["process_resident_memory_bytes"])
		for sample, most := range map[string]float64{
			"go_goroutines":                           calm["go_goroutines"] + goroutinesMore,
			"process_open_fds":                        calm["process_open_fds"] + descriptorsMax,
			"process_resident_memory_bytes":           calm["process_resident_memory_bytes"] + residentMore,
			`quorate_link_held_bytes{queue="gather"}`: heldBytesMax,
			`quorate_link_held_bytes{queue="send"}`:   heldBytesMax,
		} {
			if now[sample] > most {
				return fmt.Errorf("%s is %v, at most %v", sample, now[sample], most)
			}
		}
		for sample, v := range now {
			if strings.HasPrefix(sample, "quorate_queue_depth") && v > queuedMax {
				return fmt.Errorf("%s is %v", sample, v)
			}
		}
		return nil
	})
}

// serves makes a payment for an honest client and wants it done, and every
// payment since the start there.
func (b *badRun) serves(ids ...int) {
	b.t.Helper()
	c := b.dial(b.admin)
	b.paid += uint64(b.payFor(c, 1_000_000+b.paid, 300*time.Millisecond))
	if got := received(b.t, c); got != payments.U64(b.paid) {
		b.t.Errorf("account 2 received %s, want %d", got, b.paid)
	}
	_ = c.Close()
	b.settle(ids...)
}

// stopAll ends replicas as a service manager does.
func (b *badRun) stopAll(ids ...int) {
	b.t.Helper()
	for _, i := range ids {
		if code := b.stop(i); code != exitOK {
			b.t.Errorf("replica %d ended with %d", i, code)
		}
	}
}

// badInputsMin is how many bad inputs a run must have sent: a generator that
// stops generating is a failure too.
const badInputsMin = 300

// summary prints the one line of figures.
func (b *badRun) summary() {
	total := b.wrong
	for _, n := range b.rows {
		total += n
	}
	if total < badInputsMin {
		b.t.Errorf("%d bad inputs were sent, want %d", total, badInputsMin)
	}
	fmt.Fprintf(os.Stdout, "badinput: %d of %d bad inputs in %d rows answered as expected, %d more at their limits taken; state unchanged; at most %.0f MB resident\n",
		total-b.wrong, total, len(b.rows), b.edges, b.peakRSS/1e6)
}

// logLinesMax bounds the log of a replica that was sent all of this: it is counted,
// and only what changes a state is a line.
const logLinesMax = 100

// quietLogs holds the logs of replicas against the bound.
func (b *badRun) quietLogs(ids ...int) {
	b.t.Helper()
	for _, i := range ids {
		text := b.read(filepath.Join(b.node(i), "log.jsonl"))
		lines := bytes.Count(text, []byte("\n"))
		if lines > logLinesMax {
			b.t.Errorf("replica %d logged %d lines, at most %d are due:\n%s", i, lines, logLinesMax, tail(text))
		}
		b.t.Logf("replica %d logged %d lines, %d bytes", i, lines, len(text))
	}
}

// someClient is the client that sends bad things.
func (b *badRun) someClient() client.Keys { return b.keys("load-05") }
