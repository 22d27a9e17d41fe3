package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quorate/client"
	"quorate/cluster"
	"quorate/wire"
)

// exitUnknown says that a request may or may not have been executed: it is
// never to be read as "failed". It is EX_TEMPFAIL of sysexits: ask again.
const exitUnknown = 75

// access is how the commands of a client find the cluster and prove who they
// are.
type access struct {
	dir       string
	name      string
	timeout   time.Duration
	plaintext bool
}

func (a *access) add(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&a.dir, "dir", ".", "directory of the cluster, as replica init made it")
	flags.StringVar(&a.name, "client", adminName, "client whose key in DIR/clients is used")
	flags.DurationVar(&a.timeout, "timeout", 30*time.Second, "how long to wait for the cluster")
	flags.BoolVar(&a.plaintext, "plaintext", false, "the cluster runs without TLS, on loopback")
}

// load reads genesis and the client's keys.
func (a *access) load() (*cluster.Genesis, client.Keys, error) {
	g, err := loadGenesis(filepath.Join(a.dir, genesisFile))
	if err != nil {
		return nil, client.Keys{}, fail(exitConfig, err)
	}
	keys, err := loadClientKeys(clientFile(a.dir, a.name))
	if err != nil {
		return nil, client.Keys{}, fail(exitConfig, fmt.Errorf("%w; choose a key of that directory with --client", err))
	}
	return g, keys, nil
}

// with runs do with a connected client.
func (a *access) with(ctx context.Context, do func(ctx context.Context, c *client.Client) error) error {
	g, keys, err := a.load()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	c, err := client.Dial(ctx, g, keys, client.Options{Plaintext: a.plaintext})
	if err != nil {
		return fail(exitFailure, fmt.Errorf("connect: %w; see which replicas run with: replica status --dir %s", err, a.dir))
	}
	defer func() { _ = c.Close() }()
	err = do(ctx, c)
	if errors.Is(err, client.ErrOutcomeUnknown) {
		return fail(exitUnknown, fmt.Errorf("%w; it may have been executed: look for its effect before you send it again", err))
	}
	return fail(exitFailure, err)
}

// What status can wait for.
const (
	waitNone  = ""
	waitReady = "ready" // enough replicas to order and to change views
	waitAll   = "all"   // every replica of genesis, with all its links
)

// statusFlags are the flags of status.
type statusFlags struct {
	access
	wait string
	out  output
}

func newStatusCommand() *cobra.Command {
	var fl statusFlags
	cmd := &cobra.Command{
		Use:   "status --dir DIR",
		Short: "Ask every replica where it stands",
		Long: `Ask every replica where it stands.

What a replica says of itself is not proven; a state digest that differs from
the others' at the same slot is pointed out. LAG counts slots behind the replica
that has executed most. PATH is the share of slots that were committed on the
fast path since the replica's start.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runStatus(cmd.Context(), cmd.OutOrStdout(), &fl)
		},
	}
	fl.add(cmd)
	cmd.Flags().StringVar(&fl.wait, "wait", waitNone, "wait until the cluster is ready, or until all replicas are up: ready or all")
	addOutput(cmd, &fl.out)
	return cmd
}

// standing is one replica's answer, or why there is none.
type standing struct {
	Replica wire.ReplicaID
	Status  *wire.NodeStatus // nil: no answer
	Role    string
	Lag     uint64 // slots behind the replica that has executed most
	Fork    bool   // its state digest differs from another's at the same slot
	Error   string
}

// standingShown is a standing as -o json shows it.
type standingShown struct {
	Replica     uint16 `json:"replica"`
	Role        string `json:"role"`
	View        uint64 `json:"view"`
	Seq         uint64 `json:"seq"`
	State       string `json:"state"`
	Stable      uint64 `json:"stable"`
	LedgerSeq   uint64 `json:"ledger_seq"`
	Lag         uint64 `json:"lag"`
	Fork        bool   `json:"fork"`
	FastCommits uint64 `json:"fast_commits"`
	SlowCommits uint64 `json:"slow_commits"`
	ViewChanges uint64 `json:"view_changes"`
	Events      uint64 `json:"events"`
	FsyncP99    uint64 `json:"fsync_p99_nanos"`
	PeersUp     uint16 `json:"peers_up"`
	CertExpiry  uint64 `json:"cert_expiry_seconds"`
	Error       string `json:"error,omitempty"`
}

// shown gives the JSON form.
func (s *standing) shown() standingShown {
	out := standingShown{Replica: uint16(s.Replica), Role: s.Role, Lag: s.Lag, Fork: s.Fork, Error: s.Error}
	if n := s.Status; n != nil {
		out.View, out.Seq, out.State = uint64(n.View), uint64(n.Executed), fmt.Sprintf("%x", n.Execute[:])
		out.Stable, out.LedgerSeq = uint64(n.Stable), uint64(n.LedgerSeq)
		out.FastCommits, out.SlowCommits, out.ViewChanges = n.FastCommits, n.SlowCommits, n.ViewChanges
		out.Events, out.FsyncP99, out.PeersUp, out.CertExpiry = n.Events, n.FsyncP99, n.PeersUp, n.CertExpiry
	}
	return out
}

func runStatus(ctx context.Context, w io.Writer, fl *statusFlags) error {
	if fl.wait != waitNone && fl.wait != waitReady && fl.wait != waitAll {
		return fail(exitUsage, fmt.Errorf("status: --wait %q: use %s or %s", fl.wait, waitReady, waitAll))
	}
	g, keys, err := fl.load()
	if err != nil {
		return err
	}
	deadline := time.Now().Add(fl.timeout)
	for {
		all := askAll(ctx, g, keys, fl.plaintext)
		missing := missingFor(fl.wait, g.Quorums(), all)
		if missing != "" && time.Now().Before(deadline) && sleep(ctx, 200*time.Millisecond) {
			continue
		}
		if err := printStatus(w, all, fl.out); err != nil {
			return fail(exitFailure, err)
		}
		if missing != "" {
			return fail(exitFailure, fmt.Errorf("status: after %v %s; see the logs of the replicas that are down", fl.timeout, missing))
		}
		return fail(exitFailure, forks(all))
	}
}

// forks is the error of replicas that differ. Which of them is right is not for
// their own words to say.
func forks(all []standing) error {
	for _, s := range all {
		if s.Status != nil && s.Status.Diverged {
			return fmt.Errorf("status: replica %d says that its state diverged; stop it and keep its data", s.Replica)
		}
		if s.Fork {
			return fmt.Errorf("status: replicas have different states at slot %d; stop the one that differs from most and keep its data", s.Status.Executed)
		}
	}
	return nil
}

// askAll asks all replicas at once.
func askAll(ctx context.Context, g *cluster.Genesis, keys client.Keys, plaintext bool) []standing {
	all := make([]standing, len(g.Members))
	var asked sync.WaitGroup
	for i := range all {
		asked.Go(func() {
			all[i].Replica = wire.ReplicaID(i)
			ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			s, err := client.FetchStatus(ctx, g, keys, wire.ReplicaID(i), plaintext)
			if err != nil {
				all[i].Error = err.Error()
				return
			}
			all[i].Status = &s
		})
	}
	asked.Wait()
	judgeStandings(all)
	return all
}

// judgeStandings fills in what follows from comparing the answers.
func judgeStandings(all []standing) {
	top := wire.SeqNum(0)
	digests := map[wire.SeqNum]wire.Digest{}
	forked := map[wire.SeqNum]bool{}
	for _, s := range all {
		if s.Status == nil {
			continue
		}
		top = max(top, s.Status.Executed)
		if d, ok := digests[s.Status.Executed]; ok && d != s.Status.Execute {
			forked[s.Status.Executed] = true
		}
		digests[s.Status.Executed] = s.Status.Execute
	}
	for i := range all {
		s := &all[i]
		switch {
		case s.Status == nil:
			s.Role = "down"
			continue
		case s.Status.Diverged:
			s.Role = "diverged"
		case s.Status.Amnesia:
			s.Role = "amnesia"
		case !s.Status.Active:
			s.Role = "changing"
		case s.Status.Primary == s.Replica:
			s.Role = "primary"
		default:
			s.Role = "backup"
		}
		s.Lag = uint64(top - s.Status.Executed)
		s.Fork = forked[s.Status.Executed]
	}
}

// missingFor says what a wait still waits for, or nothing.
func missingFor(wait string, q cluster.Quorums, all []standing) string {
	up := 0
	for _, s := range all {
		// A replica counts itself among those it has links to.
		if s.Status != nil && s.Status.Active && !s.Status.Amnesia && !s.Status.Diverged && int(s.Status.PeersUp) >= q.ViewChange {
			if wait != waitAll || int(s.Status.PeersUp) == q.N {
				up++
			}
		}
	}
	need := map[string]int{waitReady: q.ViewChange, waitAll: q.N}[wait]
	if up >= need {
		return ""
	}
	return fmt.Sprintf("%d of %d replicas are up, and %d are needed", up, q.N, need)
}

func printStatus(w io.Writer, all []standing, out output) error {
	if out == outputJSON {
		shown := make([]standingShown, len(all))
		for i := range all {
			shown[i] = all[i].shown()
		}
		return json.NewEncoder(w).Encode(shown)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "REPLICA\tROLE\tVIEW\tSEQ\tPATH\tLAG\tFSYNC-P99\tCERT-EXPIRY\tSTATE")
	for _, s := range all {
		if s.Status == nil {
			fmt.Fprintf(tw, "%d\t%s\t-\t-\t-\t-\t-\t-\t-\n", s.Replica, s.Role)
			continue
		}
		n := s.Status
		path := "-"
		if slots := n.FastCommits + n.SlowCommits; slots > 0 {
			path = fmt.Sprintf("fast %d%%", 100*n.FastCommits/slots)
		}
		expiry := "-"
		if n.CertExpiry > 0 {
			expiry = time.Unix(int64(n.CertExpiry), 0).UTC().Format("2006-01-02")
		}
		state := n.Execute.String()
		if s.Fork {
			state += " FORK"
		}
		fmt.Fprintf(tw, "%d\t%s\t%d\t%d\t%s\t%d\t%.2f ms\t%s\t%s\n",
			s.Replica, s.Role, n.View, n.Executed, path, s.Lag, float64(n.FsyncP99)/1e6, expiry, state)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, s := range all {
		if s.Error != "" {
			fmt.Fprintf(w, "replica %d: %s\n", s.Replica, s.Error)
		}
	}
	return nil
}
