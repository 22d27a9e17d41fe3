package netio

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"quorate/cluster"
	"quorate/wire"
)

// ErrConfig says that a Config cannot be used.
var ErrConfig = errors.New("netio: bad configuration")

// Config is what Listen needs. It is validated once and copied.
type Config struct {
	Self        wire.ReplicaID
	Members     []cluster.Member // index = ID
	Identity    ed25519.PrivateKey
	GenesisHash wire.Digest

	PeerAddr   string // host:port to accept replicas on
	ClientAddr string // host:port to accept clients on; empty for none

	// Plaintext turns TLS off, on every link. Replicas are then believed by
	// their word, so it is refused unless every address is loopback.
	Plaintext bool

	// ClientKey gives a registered client's key. It is asked once per client
	// connection, from any goroutine, and may be called concurrently.
	ClientKey func(wire.ClientID) (ed25519.PublicKey, bool)

	// Place, if set, is called once on each event loop's goroutine before its
	// first connection, with the loop's number from 0: it may tie the loop to a
	// processor.
	Place func(loop int)

	Limits Limits       // zero fields take their defaults
	Loops  int          // event loops, 1..64; 0 means 1: the whole room on one thread
	Logger *slog.Logger // nil: slog.Default()
}

// Limits are the soft numbers of the room. Each zero field takes the default
// named beside it.
type Limits struct {
	ClientsMax       int // authenticated client connections; 4096
	ClientsPerIP     int // connections of one address (IPv6: one /64), young or not; 1024
	ConnsPerClient   int // authenticated connections of one client id; 16
	YoungClientsMax  int // client connections not yet authenticated, a quarter of it per address; 1024
	YoungPeersMax    int // the same on the replicas' port; 32 + 8n
	ClientHandshakes int // client handshakes that compute at the same time; 2
	PeerHandshakes   int // replica handshakes that compute at the same time; 4
	KnocksPerSec     int // accepts of one address per second, after a burst; 100 (7 % of a core)

	ConsensusQueueBytes int // per link of a replica: the consensus lane; 32 MiB
	ReplyQueueBytes     int // … the reply lane; 8 MiB
	BulkQueueBytes      int // … the bulk lane; 16 MiB
	ClientQueueBytes    int // per client connection, all that waits; 4 MiB

	ClientFrameBytesMax int   // largest body taken from a client; 2 MiB, at most wire.FrameBytesMax
	ClientGatherBytes   int64 // memory of all clients' unfinished frames together; 256 MiB
	SocketSendBytes     int   // SO_SNDBUF of a replica's link; 128 KiB
	LinkBytesMax        int64 // a link that carried as many is replaced; 128 GiB (AES-GCM)

	AuthTimeout   time.Duration // from accept to authenticated; 5 s
	DialTimeout   time.Duration // TCP connect; 2 s
	PingInterval  time.Duration // 1 s
	DeadAfter     time.Duration // silence of a replica's link; 3 s
	StallTimeout  time.Duration // a client that takes nothing, or does not finish a frame; 10 s
	BackoffMin    time.Duration // between dials; 50 ms
	BackoffMax    time.Duration // 2 s
	TakeoverAfter time.Duration // least age of a link that a newer one may replace; 1 s
	LoopStallMax  time.Duration // a loop that does not turn for so long has died; 10 s
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

// def gives v, or d when v is zero.
func def[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// DefaultLimits gives the limits that zero fields stand for among n replicas.
func DefaultLimits(n int) (l Limits) {
	l.fill(n)
	return l
}

func (l *Limits) fill(n int) {
	def(&l.ClientsMax, 4096)
	def(&l.ClientsPerIP, 1024)
	def(&l.ConnsPerClient, 16)
	def(&l.YoungClientsMax, 1024)
	def(&l.YoungPeersMax, 32+8*n)
	def(&l.ClientHandshakes, 2)
	def(&l.PeerHandshakes, 4)
	def(&l.KnocksPerSec, 100)
	def(&l.ConsensusQueueBytes, 32*mib)
	def(&l.ReplyQueueBytes, 8*mib)
	def(&l.BulkQueueBytes, 16*mib)
	def(&l.ClientQueueBytes, 4*mib)
	def(&l.ClientFrameBytesMax, 2*mib)
	def(&l.ClientGatherBytes, 256*mib)
	def(&l.SocketSendBytes, 128*kib)
	def(&l.LinkBytesMax, 128<<30)
	def(&l.AuthTimeout, 5*time.Second)
	def(&l.DialTimeout, 2*time.Second)
	def(&l.PingInterval, time.Second)
	def(&l.DeadAfter, 3*time.Second)
	def(&l.StallTimeout, 10*time.Second)
	def(&l.BackoffMin, 50*time.Millisecond)
	def(&l.BackoffMax, 2*time.Second)
	def(&l.TakeoverAfter, time.Second)
	def(&l.LoopStallMax, 10*time.Second)
}

// check refuses what cannot work; fill ran before it.
func (l *Limits) check() error {
	for name, v := range map[string]int64{
		"ClientsMax": int64(l.ClientsMax), "ClientsPerIP": int64(l.ClientsPerIP),
		"ConnsPerClient": int64(l.ConnsPerClient), "YoungClientsMax": int64(l.YoungClientsMax),
		"YoungPeersMax": int64(l.YoungPeersMax), "ClientHandshakes": int64(l.ClientHandshakes),
		"PeerHandshakes": int64(l.PeerHandshakes), "KnocksPerSec": int64(l.KnocksPerSec),
		"ConsensusQueueBytes": int64(l.ConsensusQueueBytes),
		"ReplyQueueBytes":     int64(l.ReplyQueueBytes), "BulkQueueBytes": int64(l.BulkQueueBytes),
		"ClientQueueBytes": int64(l.ClientQueueBytes), "ClientFrameBytesMax": int64(l.ClientFrameBytesMax),
		"ClientGatherBytes": l.ClientGatherBytes, "SocketSendBytes": int64(l.SocketSendBytes),
		"LinkBytesMax": l.LinkBytesMax, "AuthTimeout": int64(l.AuthTimeout), "DialTimeout": int64(l.DialTimeout),
		"PingInterval": int64(l.PingInterval), "DeadAfter": int64(l.DeadAfter), "StallTimeout": int64(l.StallTimeout),
		"BackoffMin": int64(l.BackoffMin), "BackoffMax": int64(l.BackoffMax),
		"TakeoverAfter": int64(l.TakeoverAfter), "LoopStallMax": int64(l.LoopStallMax),
	} {
		if v < 1 {
			return fmt.Errorf("%w: limit %s is %d", ErrConfig, name, v)
		}
	}
	switch {
	case l.ClientFrameBytesMax > wire.FrameBytesMax:
		return fmt.Errorf("%w: ClientFrameBytesMax %d is over %d", ErrConfig, l.ClientFrameBytesMax, wire.FrameBytesMax)
	case l.BackoffMax < l.BackoffMin:
		return fmt.Errorf("%w: BackoffMax is under BackoffMin", ErrConfig)
	case l.DeadAfter < 2*l.PingInterval:
		return fmt.Errorf("%w: DeadAfter %v must be at least two PingIntervals", ErrConfig, l.DeadAfter)
	}
	return nil
}

// prepare fills the defaults and refuses what cannot work.
func (c *Config) prepare() error {
	n := len(c.Members)
	if n < 1 || n > wire.ReplicasMax || int(c.Self) >= n {
		return fmt.Errorf("%w: replica %d of %d members", ErrConfig, c.Self, n)
	}
	for i := range c.Members {
		m := &c.Members[i]
		if int(m.ID) != i || len(m.Identity) != ed25519.PublicKeySize {
			return fmt.Errorf("%w: member %d has id %d and a key of %d bytes", ErrConfig, i, m.ID, len(m.Identity))
		}
	}
	if len(c.Identity) != ed25519.PrivateKeySize ||
		!bytes.Equal(c.Identity.Public().(ed25519.PublicKey), c.Members[c.Self].Identity) {
		return fmt.Errorf("%w: the identity key is not that of member %d", ErrConfig, c.Self)
	}
	if c.ClientAddr != "" && c.ClientKey == nil {
		return fmt.Errorf("%w: clients are accepted but ClientKey is nil", ErrConfig)
	}
	if c.Loops < 0 || c.Loops > 64 {
		return fmt.Errorf("%w: %d loops, want 1..64", ErrConfig, c.Loops)
	}
	def(&c.Loops, 1)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Limits.fill(n)
	if err := c.Limits.check(); err != nil {
		return err
	}
	return c.checkPlaintext()
}

// checkPlaintext refuses Plaintext unless every address is loopback.
// Invariant N7.
func (c *Config) checkPlaintext() error {
	if !c.Plaintext {
		return nil
	}
	addrs := []string{c.PeerAddr}
	if c.ClientAddr != "" {
		addrs = append(addrs, c.ClientAddr)
	}
	for i := range c.Members {
		addrs = append(addrs, c.Members[i].PeerAddr)
	}
	for _, a := range addrs {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			return fmt.Errorf("%w: address %q: %v", ErrConfig, a, err)
		}
		// A name, even "localhost", may resolve to anything: only literals.
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("%w: plaintext is refused: %q is not a loopback IP address", ErrConfig, a)
		}
	}
	return nil
}

// Format keeps the identity key out of logs and panics, whatever the verb.
func (c Config) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, fmt.Sprintf("configuration of replica %d's links (secret)", c.Self))
}
