package tuning

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ErrProfile says that a profile does not exist or a setting is out of range.
var ErrProfile = errors.New("tuning: setting refused")

// Profile is one value for every soft number. The table in fields.go says for
// each what it does, its unit and its range.
type Profile struct {
	BatchEventsMax       int    // events
	BatchBytesMax        int    // bytes
	BatchDelayMicros     int    // µs
	BatchEagerSlots      int    // slots
	SlotsInFlightMax     int    // slots
	TickMicros           int    // µs
	FastPathWaitTicks    int    // ticks
	ViewChangeTicks      int    // ticks
	ViewChangeTicksMax   int    // ticks
	VerifyWorkers        int    // threads, 0 = by cores
	SignWorkers          int    // threads, 0 = by cores
	PeerQueueBytes       int    // bytes
	PackBytesMin         int    // bytes, 0 = never
	ClientQueueRequests  int    // requests
	ClientRate           int    // requests/s, 0 = unlimited
	ClientConnectionsMax int    // connections
	RequestQueueMax      int    // requests
	RequestQueueBytes    int    // bytes
	JournalSegmentBytes  int    // bytes
	BlockCacheBytes      int    // bytes
	MemTableBytes        int    // bytes
	LedgerCompression    int    // 0 none, 1 fast, 2 small
	GCPercent            int    // percent, GOGC
	GCHeadroomBytes      int    // bytes, 0 = GCPercent alone
	MaxProcs             int    // threads, GOMAXPROCS, 0 = all cores
	PinThreads           int    // PinNever, PinAuto or PinAlways
	TraceSample          int    // requests of which one is traced, 0 = none
	MetricsAddr          string // host:port, empty = off
	OTLPEndpoint         string // URL, empty = none
	Console              string // ConsoleAuto, ConsoleOn or ConsoleOff
}

// The built-in profiles, in the order of the columns in fields.go.
const (
	Dev        = "dev"        // four replicas on a laptop beside an editor
	Latency    = "latency"    // small blocks at once, cores to spare
	Balanced   = "balanced"   // the default
	Throughput = "throughput" // full blocks
	WAN        = "wan"        // replicas 20 to 200 ms apart
)

// Names lists the built-in profiles.
func Names() []string { return []string{Dev, Latency, Balanced, Throughput, WAN} }

// Named gives a copy of a built-in profile.
func Named(name string) (Profile, error) {
	column := slices.Index(Names(), name)
	if column < 0 {
		return Profile{}, fmt.Errorf("%w: there is no profile %q; choose one of %s", ErrProfile, name, strings.Join(Names(), ", "))
	}
	var p Profile
	for _, f := range numbers {
		*f.at(&p) = f.defaults[column]
	}
	for _, f := range words {
		*f.at(&p) = f.value
	}
	return p, nil
}

// Validate checks each number against its range, and those that depend on one
// another.
func (p *Profile) Validate() error {
	for _, f := range numbers {
		if err := f.check(*f.at(p)); err != nil {
			return err
		}
	}
	switch {
	case p.ViewChangeTicks < 2*p.FastPathWaitTicks:
		return fmt.Errorf("%w: view_change_ticks %d is below twice fast_path_wait_ticks %d: the slow path would have no time before the primary is suspected; raise the first or lower the second",
			ErrProfile, p.ViewChangeTicks, p.FastPathWaitTicks)
	case p.ViewChangeTicksMax < p.ViewChangeTicks:
		return fmt.Errorf("%w: view_change_ticks_max %d is below view_change_ticks %d; raise it", ErrProfile, p.ViewChangeTicksMax, p.ViewChangeTicks)
	case p.PeerQueueBytes < 2*p.BatchBytesMax:
		return fmt.Errorf("%w: peer_queue_bytes %d holds fewer than two batches of batch_bytes_max %d; raise the first or lower the second",
			ErrProfile, p.PeerQueueBytes, p.BatchBytesMax)
	case p.JournalSegmentBytes < 2*p.BatchBytesMax:
		return fmt.Errorf("%w: journal_segment_bytes %d holds fewer than two batches of batch_bytes_max %d; raise the first or lower the second",
			ErrProfile, p.JournalSegmentBytes, p.BatchBytesMax)
	case p.RequestQueueBytes < 2*p.BatchBytesMax:
		return fmt.Errorf("%w: request_queue_bytes %d holds fewer than two batches of batch_bytes_max %d; raise the first or lower the second",
			ErrProfile, p.RequestQueueBytes, p.BatchBytesMax)
	case p.BatchEagerSlots > p.SlotsInFlightMax:
		return fmt.Errorf("%w: batch_eager_slots %d is over slots_in_flight_max %d; lower it", ErrProfile, p.BatchEagerSlots, p.SlotsInFlightMax)
	}
	for _, f := range words {
		if err := f.check(*f.at(p)); err != nil {
			return err
		}
	}
	return nil
}

func checkAddr(addr string) error {
	if addr == "" {
		return nil
	}
	port := addr[strings.LastIndexByte(addr, ':')+1:]
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port == addr {
		return fmt.Errorf("%w: %s %q is not host:port; write it as %s, or leave it empty to switch metrics off", ErrProfile, metricsAddrKey, addr, metricsAddrDefault)
	}
	return nil
}

func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%w: %s is no URL of a collector; write it as http://127.0.0.1:4318, without a name or a password, or leave it empty", ErrProfile, otlpEndpointKey)
	}
	return nil
}

func checkConsole(mode string) error {
	if mode != ConsoleAuto && mode != ConsoleOn && mode != ConsoleOff {
		return fmt.Errorf("%w: %s %q: choose %s, %s or %s", ErrProfile, consoleKey, mode, ConsoleAuto, ConsoleOn, ConsoleOff)
	}
	return nil
}

// ConsoleServed reports whether the console is to be served at MetricsAddr.
func (p *Profile) ConsoleServed() bool {
	if p.MetricsAddr == "" || p.Console == ConsoleOff {
		return false
	}
	if p.Console == ConsoleOn {
		return true
	}
	host, _, err := net.SplitHostPort(p.MetricsAddr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// Set gives the setting with this key a value from text, checked against its
// range alone; call Validate when all are set.
func (p *Profile) Set(key, value string) error {
	if f := wordOf(key); f != nil {
		*f.at(p) = value
		return f.check(value)
	}
	f := numberOf(key)
	if f == nil {
		return fmt.Errorf("%w: there is no setting %q%s; replica config lists all", ErrProfile, key, nearest(key))
	}
	v, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("%w: %s: %q is not a whole number of %s", ErrProfile, key, value, f.unit)
	}
	if err := f.check(v); err != nil {
		return err
	}
	*f.at(p) = v
	return nil
}

// Get gives the value of the setting with this key as text, and whether there
// is one.
func (p *Profile) Get(key string) (string, bool) {
	if f := wordOf(key); f != nil {
		return *f.at(p), true
	}
	if f := numberOf(key); f != nil {
		return strconv.Itoa(*f.at(p)), true
	}
	return "", false
}

// Setting is one row of Explain.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Unit   string `json:"unit"`
	Min    string `json:"min,omitempty"`
	Max    string `json:"max,omitempty"`
	Reason string `json:"reason"`
}

// Explain lists every setting of p with its unit, range and reason, in the
// order of the table.
func (p *Profile) Explain() []Setting {
	rows := make([]Setting, 0, len(numbers)+len(words))
	for _, f := range numbers {
		rows = append(rows, Setting{Key: f.key, Value: strconv.Itoa(*f.at(p)), Unit: f.unit,
			Min: strconv.Itoa(f.min), Max: strconv.Itoa(f.max), Reason: f.reason})
	}
	for _, f := range words {
		rows = append(rows, Setting{Key: f.key, Value: *f.at(p), Unit: f.unit, Reason: f.reason})
	}
	return rows
}

// Keys lists the keys of all settings, in the order of the table.
func Keys() []string {
	keys := make([]string, 0, len(numbers)+len(words))
	for _, f := range numbers {
		keys = append(keys, f.key)
	}
	for _, f := range words {
		keys = append(keys, f.key)
	}
	return keys
}

// nearest suggests the key that shares the longest start with a mistyped one.
func nearest(key string) string {
	best, shared := "", 3 // fewer letters in common are no likeness
	for _, k := range Keys() {
		n := 0
		for n < len(k) && n < len(key) && k[n] == key[n] {
			n++
		}
		if n > shared {
			best, shared = k, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (is %s meant?)", best)
}
