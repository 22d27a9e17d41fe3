// Package limits is the one list of limits: every bound that a number from
// outside can meet, by the name and with the value that it has in its room.
//
// It holds nothing back from anyone: each room compares with its own constant.
// This list says who can say a number beyond it and which test says one, so that
// no limit is without. internal/tidy reads the constants out of the source and
// compares: a new limit without a row, a row without its constant, another value
// and a test that does not exist each fail there. The tests that a row with
// BadInput names are made from it, at the places of Around.
//
// Not here: the soft settings. Their table is tuning's, with ranges, and the
// generator reads that one.
//
// Thread: none; it is data.
package limits

// Reach says whose bytes can carry a number beyond a limit.
type Reach string

// The reaches.
const (
	Client   Reach = "client"   // a client, at its port
	Peer     Reach = "peer"     // a replica, or who has its key
	Server   Reach = "server"   // a replica, to a client
	File     Reach = "file"     // genesis, configuration, keys, receipt, CSV, journal
	Operator Reach = "operator" // a command line
	Inner    Reach = "inner"    // nobody: it bounds work or memory of our own making
)

// BadInput is the test that is made from this list for real replicas.
const BadInput = "cmd/replica/e2e TestBadInput"

// Limit is one row.
type Limit struct {
	Name  string // room and constant, or room, struct and field
	Value uint64
	Unit  string
	Reach Reach
	// Test is the room and the test that sends limit−1, limit and limit+1; for
	// Inner the test that shows that it holds, or, without "Test", why none is due.
	Test string
}

// Around gives the numbers that tests of a limit say: limit−1, limit, limit+1,
// 2^31 and 2^63, those that are not below it, without repetition.
func Around(limit uint64) []uint64 {
	var out []uint64
	if limit > 0 {
		out = append(out, limit-1)
	}
	out = append(out, limit)
	for _, n := range [...]uint64{limit + 1, 1 << 31, 1 << 63} {
		if n > out[len(out)-1] {
			out = append(out, n)
		}
	}
	return out
}

// Of finds a row.
func Of(name string) (Limit, bool) {
	for _, l := range List {
		if l.Name == name {
			return l, true
		}
	}
	return Limit{}, false
}
