package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	endian "encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"quorate/cmd/replica/console"
	"quorate/consensus"
	"quorate/internal/oplog"
	"quorate/netio"
	"quorate/pipeline"
	"quorate/storage"
	"quorate/tuning"
	"quorate/wire"
)

const startHelp = `Start one replica and run it until it is told to stop (SIGTERM or SIGINT).

It reads genesis.yaml, keys.yaml and config.yaml in DIR, recovers from DIR/data,
and joins the others. Logs are JSON lines on standard error, or in --log-file,
which is renamed when it is full; of the renamed ones the newest are kept. What
ends the process before it runs is said in words on standard error, in both cases.
The level can be changed while it runs: replica log level.`

func newStart() *cobra.Command {
	var dir, profile string
	var plaintext bool
	var logs logFlags
	cmd := &cobra.Command{
		Use: "start --dir DIR", Short: "Start a replica", Long: startHelp, Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the node, as 'replica init' made it")
	logs.add(cmd)
	cmd.Flags().BoolVar(&plaintext, "insecure-plaintext-on-loopback", false, "DANGER: no TLS and no proof of who sends; refused off loopback")
	cmd.Flags().StringVar(&profile, "cpuprofile", "", "write a CPU profile of the whole run to this file")
	_ = cmd.MarkFlagRequired("dir")
	flags := settingFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		levels, err := logs.levels()
		if err != nil {
			return fail(exitUsage, err)
		}
		n, err := loadNode(dir, os.Environ(), flags())
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if profile != "" {
			end, err := profileCPU(profile)
			if err != nil {
				return fail(exitCreate, err)
			}
			defer end()
		}
		out, err := logs.open(cmd.ErrOrStderr())
		if err != nil {
			return fail(exitCreate, err)
		}
		defer out.Close()
		return runNode(ctx, n, oplog.New(out, levels), plaintext)
	}
	return cmd
}

// profileCPU samples where this process spends its time until end is called.
func profileCPU(path string) (end func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a lost profile is no failure of the replica
	}, nil
}

// running is one replica of this process.
type running struct {
	node    *node
	lines   *oplog.Log
	recent  *console.Recent // what the console shows of the log
	log     *slog.Logger    // of this room
	lock    *os.File
	replica *pipeline.Replica
	net     *netio.Transport
	link    *transportLink
	seats   *seating
	tracer  *pipeline.Tracer // nil: no request is traced
	export  *exporter

	diskFree, diskSize atomic.Uint64 // bytes, of the data directory's file system

	stopMetrics func() // nil until it serves
}

// runNode runs a replica until ctx ends or it cannot go on.
func runNode(ctx context.Context, n *node, lines *oplog.Log, plaintext bool) (err error) {
	n.settings.profile.Apply()
	run := &running{node: n, lines: lines, recent: console.NewRecent(nil), link: &transportLink{}}
	run.log = run.logger(roomReplica)
	if run.lock, err = lockDir(n.dataDir); err != nil {
		return fail(exitConfig, err)
	}
	defer run.lock.Close()
	stopControl, err := run.serveControl()
	if err != nil {
		return fail(exitConfig, err)
	}
	defer stopControl()
	run.seats = seatThreads(&n.settings.profile, run.log)
	var stopTraces func()
	run.tracer, stopTraces = run.startTraces()
	defer stopTraces()
	begun := time.Now()
	if err := run.open(); err != nil {
		return fail(exitFailure, err)
	}
	if err := run.listen(plaintext); err != nil {
		return errors.Join(fail(exitFailure, err), run.replica.Close())
	}
	if run.stopMetrics, err = run.serveMetrics(); err != nil {
		return errors.Join(fail(exitConfig, err), run.close())
	}
	defer run.stopMetrics()
	at := run.replica.Status()
	run.log.Info("started", "seq", at.Executed, "view", at.View, "seconds", time.Since(begun).Seconds(),
		"peer_addr", n.member().PeerAddr, "client_addr", n.member().ClientAddr, "profile", n.settings.profileName,
		"version", version, "amnesia", at.Amnesia)
	return run.untilDone(ctx)
}

// untilDone runs the stages and closes what was opened when they end.
func (run *running) untilDone(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-run.net.Err():
			cancel(err)
		case <-ctx.Done():
		}
	}()
	go run.watchDisk(ctx)
	err := run.replica.Run(ctx)
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	if err != nil {
		// The disk or the state cannot be trusted: leave everything as it is.
		run.log.Error("replica stops", "error", err)
		return fail(exitFailure, err)
	}
	run.log.Info("stopping")
	return fail(exitFailure, run.close())
}

func (run *running) close() error {
	if run.stopMetrics != nil {
		run.stopMetrics() // it reads the ledger
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(run.net.Close(ctx), run.replica.Close())
}

// open opens journal and ledger and recovers.
func (run *running) open() error {
	n, p := run.node, &run.node.settings.profile
	suite, err := pipeline.NewSuite(n.genesis, n.keys)
	if err != nil {
		return err
	}
	evidence, err := storage.OpenEvidence(filepath.Join(n.dataDir, evidenceFile))
	if err != nil {
		return err
	}
	cfg := pipelineConfig(n, run.logger(roomPipeline))
	cfg.Place, cfg.Evidence, cfg.Trace = run.seats.stage, evidence, run.tracer
	var found pipeline.Found
	run.replica, found, err = pipeline.Open(cfg, suite, run.link, pipeline.Disk{Dir: n.dataDir,
		JournalSegmentBytes: p.JournalSegmentBytes, CacheBytes: int64(p.BlockCacheBytes), MemTableBytes: p.MemTableBytes,
		Compression: storage.Compression(p.LedgerCompression),
		Fatal: func(err error) {
			run.log.Error("ledger cannot go on", "error", err)
			os.Exit(exitFailure)
		}})
	if found.Journal.Amnesia {
		run.log.Warn("amnesia: the journal cannot prove that it holds every vote; this replica will not vote until the cluster has moved on",
			"reason", found.Journal.Reason, "old_files", found.Journal.Aside)
	}
	if found.Behind != nil {
		run.log.Warn("ledger lost blocks that were durable; they are fetched again", "error", found.Behind)
	}
	if err != nil {
		return errors.Join(err, evidence.Close())
	}
	return nil
}

// pipelineConfig turns genesis and profile into what the pipeline needs.
func pipelineConfig(n *node, log *slog.Logger) pipeline.Config {
	g, p := n.genesis, &n.settings.profile
	cores := tuning.DetectHost().Cores
	timing := consensus.DefaultTiming()
	timing.FastWait = max(1, uint64(p.FastPathWaitTicks)/2)
	timing.FastWaitMax = uint64(p.FastPathWaitTicks) * 8
	timing.Progress, timing.ProgressMax = uint64(p.ViewChangeTicks), uint64(p.ViewChangeTicksMax)
	timing.LinkDown = min(timing.LinkDown, timing.Progress)
	state := pipeline.PaymentsConfig(g)
	state.IndexSeed = randomSeed()
	return pipeline.Config{
		Self: n.keys.Replica, Cluster: g.Hash(), Epoch: g.Epoch, Quorums: g.Quorums(),
		Interval: g.CheckpointInterval(), TimeBound: g.TimeBound, Payments: state,
		Timing: timing,
		Batch: pipeline.BatchPolicy{EventsMax: p.BatchEventsMax, BytesMax: p.BatchBytesMax, EagerSlots: p.BatchEagerSlots,
			SlotsMax: p.SlotsInFlightMax, DelayTicks: max(1, p.BatchDelayMicros/p.TickMicros)},
		Tick: time.Duration(p.TickMicros) * time.Microsecond, RequestQueueMax: p.RequestQueueMax, RequestQueueBytes: p.RequestQueueBytes,
		PackBytesMin:   p.PackBytesMin,
		ClientQueueMax: p.ClientQueueRequests, ClientRate: p.ClientRate,
		VerifyWorkers: p.VerifyThreads(cores), SignWorkers: p.SignThreads(cores),
		Clock:  wallClock,
		Logger: log,
	}
}

// randomSeed salts this replica's tables: who cannot know it cannot choose ids
// that collide in them (RES-04). It changes no result, so each start has its own.
func randomSeed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: since Go 1.24 it ends the process instead
	return endian.LittleEndian.Uint64(b[:])
}

// listen opens the ports and joins the transport and the pipeline.
func (run *running) listen(plaintext bool) (err error) {
	n, p := run.node, &run.node.settings.profile
	cfg := netio.Config{
		Self: n.keys.Replica, Members: n.genesis.Members, Identity: n.keys.Identity(), GenesisHash: n.genesis.Hash(),
		PeerAddr: n.member().PeerAddr, ClientAddr: n.member().ClientAddr, Plaintext: plaintext,
		ClientKey: func(id wire.ClientID) (ed25519.PublicKey, bool) {
			key, ok := run.replica.ClientKey(id)
			return key[:], ok
		},
		Place: run.seats.loop, Loops: eventLoops,
		Limits: netio.Limits{ConsensusQueueBytes: p.PeerQueueBytes, ClientsMax: p.ClientConnectionsMax},
		Logger: run.logger(roomNetio),
	}
	// The loops inherit the label, which CPU profiles show.
	pprof.Do(context.Background(), pprof.Labels("stage", "network"), func(context.Context) {
		run.net, err = netio.Listen(cfg, run.link.to(run.replica))
	})
	if err != nil {
		return err
	}
	run.replica.SetCertExpiry(uint64(run.net.CertExpiry().Unix()))
	run.link.open(run.net)
	return nil
}

// Disk watermarks, as parts of the file system's size and in bytes: below the
// first the replica refuses new requests, above the second it takes them again.
const (
	diskLowBytes  = 256 << 20
	diskWellBytes = 512 << 20
)

// watchDisk refuses requests while the disk is nearly full, and takes them again
// once there is room, without a restart.
func (run *running) watchDisk(ctx context.Context) {
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	low := false
	for {
		free, total, err := storage.Space(run.node.dataDir)
		if err != nil {
			free, total = run.diskFree.Load(), run.diskSize.Load()
		}
		run.diskFree.Store(free)
		run.diskSize.Store(total)
		was := low
		low = free < min(diskLowBytes, total/20) || low && free < min(diskWellBytes, total/10)
		if low != was {
			if low {
				run.log.Warn("disk is low: new requests are refused", "free_bytes", free)
			} else {
				run.log.Info("disk has room again: new requests are taken", "free_bytes", free)
			}
			run.replica.SetDiskLow(low)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// lockDir makes sure that one process alone uses a data directory.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, secretMode)
	if err != nil {
		return nil, fmt.Errorf("%w; --dir names a node's directory that 'replica init' made", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use by another process: stop it first", dir), f.Close())
	}
	return f, nil
}
