package etcd

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// NodeConfig is one member.
type NodeConfig struct {
	Name    string
	Dir     string
	Peer    string // URL for the other members
	Client  string // URL for clients
	Cluster string // name=URL of all members
	Ops     uint   // largest number of puts in a transaction
}

// What was tuned; the rest is etcd's defaults, fsync among them.
const (
	// electionMillis keeps a busy machine from changing leaders in the middle of
	// a run; etcd's tuning page asks for ten heartbeats and more.
	electionMillis  = 3000
	heartbeatMillis = 300
	quotaBytes      = 8 << 30 // the largest that etcd recommends; the default, 2 GiB, would end a long run
	requestBytesMax = 8 << 20 // the default, 1.5 MiB, is less than some transactions of 500 puts with their framing
)

// startMax is how long a member may take until the cluster has a leader.
const startMax = time.Minute

// Serve runs a member until ctx ends.
func Serve(ctx context.Context, c NodeConfig) error {
	peer, err := url.Parse(c.Peer)
	if err != nil {
		return err
	}
	client, err := url.Parse(c.Client)
	if err != nil {
		return err
	}
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = c.Name, c.Dir, c.Cluster
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	cfg.LogLevel, cfg.LogOutputs = "error", []string{"stderr"}
	cfg.TickMs, cfg.ElectionMs = heartbeatMillis, electionMillis
	cfg.QuotaBackendBytes, cfg.MaxRequestBytes = quotaBytes, requestBytesMax
	cfg.MaxTxnOps = max(cfg.MaxTxnOps, c.Ops)
	cfg.EnableGRPCGateway = false // the client speaks gRPC: the gateway to JSON is in nobody's way
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer e.Close()
	select {
	case <-e.Server.ReadyNotify():
	case err := <-e.Err():
		return err
	case <-time.After(startMax):
		return fmt.Errorf("etcd: member %s is not ready within %v", c.Name, startMax)
	case <-ctx.Done():
		return nil
	}
	select {
	case err := <-e.Err():
		return err
	case <-ctx.Done():
		return nil
	}
}
