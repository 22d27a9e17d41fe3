package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"quorate/bench/procs"
	"quorate/cluster"
	"quorate/consensus"
	"quorate/payments"
	"quorate/pipeline"
	"quorate/tuning"
	"quorate/wire"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "upper:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	dir, binaries, profile string
	clients, inFlight      int
	events                 int
	accounts               uint64
	warmup, length         time.Duration
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("upper", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", "", "directory for keys and data; it must not exist or be empty")
	flags.StringVar(&o.binaries, "binaries", "bin", "folder with the binary replica, which deals the keys")
	flags.StringVar(&o.profile, "profile", tuning.Balanced, "profile whose settings are taken")
	flags.IntVar(&o.clients, "clients", 4, "clients, each with its own key")
	flags.IntVar(&o.inFlight, "in-flight", 2, "requests of one client under way")
	flags.IntVar(&o.events, "batch", wire.EventsMax, "payments per request")
	flags.Uint64Var(&o.accounts, "accounts", 10_000, "accounts to pay between")
	flags.DurationVar(&o.warmup, "warmup", 3*time.Second, "load before the window")
	flags.DurationVar(&o.length, "duration", 10*time.Second, "length of the window")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case o.dir == "" || flags.NArg() > 0:
		return o, errors.New("use: upper -dir DIR [flags]")
	case o.clients < 1 || o.clients > 64 || o.inFlight < 1 || o.inFlight > payments.WindowSeqs:
		return o, fmt.Errorf("%d clients with %d requests each are outside 1 to 64", o.clients, o.inFlight)
	case o.events < 1 || o.events > wire.EventsMax:
		return o, fmt.Errorf("-batch %d is outside 1 to %d", o.events, wire.EventsMax)
	case o.accounts < 2 || o.accounts > 1_000_000:
		return o, fmt.Errorf("-accounts %d is outside 2 to 1000000", o.accounts)
	case o.length <= 0 || o.warmup < 0:
		return o, fmt.Errorf("a window of %v after %v", o.length, o.warmup)
	}
	return o, nil
}

// report is what is printed, as JSON.
type report struct {
	Payments  uint64  `json:"payments"`
	Seconds   float64 `json:"seconds"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	ServerCPU float64 `json:"server_cpu_seconds"`
	ClientCPU float64 `json:"client_cpu_seconds"`
	Disk      float64 `json:"disk_bytes_per_payment"`           // held at the end, less what was there before the load
	Written   float64 `json:"device_written_bytes_per_payment"` // in the window, by everybody; 0: not known
	Acked     uint64  `json:"acked"`
	Checked   string  `json:"checked"`
}

func run(args []string, stdout io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	b := &bound{options: o}
	if b.cluster, err = b.deal(); err != nil {
		return err
	}
	if err := b.open(); err != nil {
		return err
	}
	r, err := b.measure()
	if err = errors.Join(err, b.close()); err != nil {
		return err
	}
	if r.Checked, err = b.check(); err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(r)
}

// measure makes the accounts and drives the load.
func (b *bound) measure() (r report, err error) {
	if err := b.prepare(); err != nil {
		return r, err
	}
	before, err := held(b.dir)
	if err != nil {
		return r, err
	}
	begin, end, err := b.load.drive(b.inFlight, b.warmup, b.length, b.failed)
	if err != nil {
		return r, err
	}
	after, err := held(b.dir)
	client := end.client - begin.client
	return report{
		Payments: b.load.measured, Seconds: end.at.Sub(begin.at).Seconds(), Acked: b.load.acked,
		P50: float64(b.load.latency.ValueAtPercentile(50)) / 1000, P99: float64(b.load.latency.ValueAtPercentile(99)) / 1000,
		ClientCPU: client, ServerCPU: end.process - begin.process - client,
		Disk:    float64(after-before) / float64(b.load.acked),
		Written: float64(end.written-begin.written) / float64(max(b.load.measured, 1)),
	}, err
}

// bound is the whole experiment.
type bound struct {
	options
	cluster *procs.Cluster // its keys only: no replica is started
	alone   *pipeline.Alone
	load    *load
	stop    context.CancelFunc
	failed  chan error // gives what Run gave, once
}

// deal makes the keys of a cluster, of which this is to be replica 0.
func (b *bound) deal() (*procs.Cluster, error) {
	return procs.New(procs.Options{Binaries: b.binaries, Dir: b.dir, Clients: b.clients})
}

// open opens what the directory holds and starts the stages.
func (b *bound) open() error {
	g := b.cluster.Genesis
	text, err := os.ReadFile(filepath.Join(b.cluster.Node(0), "keys.yaml"))
	if err != nil {
		return err
	}
	keys, err := cluster.ParseNodeKeys(text)
	if err != nil {
		return err
	}
	suite, err := pipeline.NewSuite(g, keys)
	if err != nil {
		return err
	}
	p, err := tuning.Named(b.profile)
	if err != nil {
		return err
	}
	p.Apply()
	replies := make(port, b.clients*payments.WindowSeqs)
	b.alone, err = pipeline.OpenAlone(config(g, keys, &p), suite, replies, pipeline.Disk{Dir: filepath.Join(b.cluster.Node(0), "data"),
		JournalSegmentBytes: p.JournalSegmentBytes, CacheBytes: int64(p.BlockCacheBytes), MemTableBytes: p.MemTableBytes})
	if err != nil {
		return err
	}
	if b.load == nil {
		b.load = &load{cluster: g.Hash(), keys: nil, seqs: make([]uint64, b.clients), ledger: g.Ledgers[0].Number, accounts: b.accounts,
			events: b.events, dir: b.dir, sent: map[key]sending{}, latency: hdrhistogram.New(1, answerMax.Microseconds(), 3)}
		for i := range b.clients {
			k, err := b.cluster.Keys(fmt.Sprintf("load-%02d", i+1))
			if err != nil {
				return err
			}
			b.load.keys = append(b.load.keys, k)
		}
	}
	b.load.ingress, b.load.replies = b.alone.Ingress(), replies
	ctx, stop := context.WithCancel(context.Background())
	b.stop, b.failed = stop, make(chan error, 1)
	go func() { b.failed <- b.alone.Run(ctx) }()
	return nil
}

// config is what cmd/replica makes of genesis and profile, for one machine.
func config(g *cluster.Genesis, keys *cluster.NodeKeys, p *tuning.Profile) pipeline.Config {
	cores := tuning.DetectHost().Cores
	state := pipeline.PaymentsConfig(g)
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	state.IndexSeed = binary.LittleEndian.Uint64(salt[:])
	return pipeline.Config{Self: keys.Replica, Cluster: g.Hash(), Epoch: g.Epoch, Quorums: g.Quorums(), Interval: g.CheckpointInterval(),
		TimeBound: g.TimeBound, Payments: state, Timing: consensus.DefaultTiming(),
		Batch: pipeline.BatchPolicy{EventsMax: p.BatchEventsMax, BytesMax: p.BatchBytesMax, EagerSlots: p.BatchEagerSlots,
			SlotsMax: p.SlotsInFlightMax, DelayTicks: max(1, p.BatchDelayMicros/p.TickMicros)},
		Tick: time.Duration(p.TickMicros) * time.Microsecond, RequestQueueMax: p.RequestQueueMax,
		VerifyWorkers: p.VerifyThreads(cores), Clock: func() uint64 { return uint64(time.Now().UnixNano()) },
		Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
}

// close ends the stages, when all answers are in, and closes the disk's files.
func (b *bound) close() error {
	b.stop()
	return errors.Join(<-b.failed, b.alone.Close())
}

// ask sends one request and waits for its answer.
func (b *bound) ask(op wire.Op, body []byte) ([]byte, error) {
	b.load.submit(0, op, body, 0)
	f, err := b.load.receive(b.failed)
	if err != nil {
		return nil, err
	}
	_, r, err := b.load.answer(f)
	return r.Result, err
}

// prepare makes the accounts.
func (b *bound) prepare() error {
	var body []byte
	for i := uint64(1); i <= b.accounts; i++ {
		body = (&payments.Account{ID: payments.U128{Lo: i}, Ledger: b.load.ledger, Code: 1}).Append(body)
		if len(body) < wire.EventsMax*payments.RecordBytes && i < b.accounts {
			continue
		}
		result, err := b.ask(wire.OpCreateAccounts, body)
		if err != nil {
			return err
		}
		codes, err := payments.DecodeCodes(nil, result)
		if err != nil {
			return err
		}
		for _, c := range codes {
			if payments.AccountCode(c) != payments.AccountOK {
				return fmt.Errorf("%w: account: %v", errRefused, payments.AccountCode(c))
			}
		}
		body = nil
	}
	return nil
}
