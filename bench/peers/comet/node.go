package comet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/types"
)

// NodeConfig is one validator; its keys and genesis lie in Dir.
type NodeConfig struct {
	Dir      string
	P2P, RPC int      // ports on loopback
	Peers    []string // id@host:port of the others
	Gossip   bool     // the mempool relays transactions to the others
	Signed   bool
	Payments int // per transaction
}

// What was tuned (docs/PERFORMANCE.md says what each brings); the rest is
// CometBFT's defaults, its syncs among them.
const (
	blockBytesMax   = 2 << 20
	gossipSleep     = 5 * time.Millisecond // default 100 ms: votes and block parts waited for it
	flushThrottle   = 5 * time.Millisecond // default 100 ms
	rateBytes       = 500 << 20            // default 5 MB/s
	packetBytesMax  = 16 << 10             // default 1 KiB
	mempoolTxsMax   = 200_000              // default 5,000
	rpcBatchMax     = 1000                 // default 10
	rpcBodyBytesMax = 16 << 20             // default 1 MB
	rpcSetting      = "block 2 MiB, timeout_commit 0, gossip sleep 5 ms, flush throttle 5 ms, 500 MiB/s per link, packets 16 KiB, mempool 200,000, recheck off, no index, no ABCI responses kept, JSON-RPC batches"
)

func (c *NodeConfig) settings() *config.Config {
	cfg := config.DefaultConfig()
	cfg.SetRoot(c.Dir)
	cfg.Consensus.TimeoutCommit, cfg.Consensus.SkipTimeoutCommit = 0, true
	cfg.Consensus.PeerGossipSleepDuration = gossipSleep
	cfg.P2P.ListenAddress = fmt.Sprintf("tcp://127.0.0.1:%d", c.P2P)
	cfg.P2P.PersistentPeers = strings.Join(c.Peers, ",")
	cfg.P2P.PexReactor, cfg.P2P.AllowDuplicateIP, cfg.P2P.AddrBookStrict = false, true, false
	cfg.P2P.SendRate, cfg.P2P.RecvRate = rateBytes, rateBytes
	cfg.P2P.FlushThrottleTimeout, cfg.P2P.MaxPacketMsgPayloadSize = flushThrottle, packetBytesMax
	cfg.Mempool.Recheck, cfg.Mempool.Broadcast = false, c.Gossip
	cfg.Mempool.Size, cfg.Mempool.CacheSize = mempoolTxsMax, 2*mempoolTxsMax
	cfg.RPC.ListenAddress = fmt.Sprintf("tcp://127.0.0.1:%d", c.RPC)
	cfg.RPC.MaxRequestBatchSize, cfg.RPC.MaxBodyBytes = rpcBatchMax, rpcBodyBytesMax
	cfg.TxIndex.Indexer = "null"
	cfg.Storage.DiscardABCIResponses = true
	return cfg
}

// Serve runs a validator until ctx ends.
func Serve(ctx context.Context, c NodeConfig) error {
	cfg := c.settings()
	key, err := p2p.LoadNodeKey(cfg.NodeKeyFile())
	if err != nil {
		return err
	}
	a, err := newApp(c.Signed, c.Payments)
	if err != nil {
		return err
	}
	errorsOnly := log.NewFilter(log.NewTMLogger(log.NewSyncWriter(os.Stderr)), log.AllowError())
	n, err := node.NewNode(cfg, privval.LoadFilePV(cfg.PrivValidatorKeyFile(), cfg.PrivValidatorStateFile()), key,
		proxy.NewConnSyncLocalClientCreator(a), node.DefaultGenesisDocProviderFunc(cfg), config.DefaultDBProvider,
		node.DefaultMetricsProvider(cfg.Instrumentation), errorsOnly)
	if err != nil {
		return err
	}
	if err := n.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	err = n.Stop()
	n.Wait()
	return err
}

// deal makes keys and genesis of validators in their directories, and the ids by
// which they dial one another.
func deal(dirs []string) (ids []string, err error) {
	genesis := types.GenesisDoc{ChainID: "peers", GenesisTime: time.Now().UTC(), InitialHeight: 1, ConsensusParams: types.DefaultConsensusParams()}
	genesis.ConsensusParams.Block.MaxBytes = blockBytesMax
	for i, dir := range dirs {
		cfg := config.DefaultConfig()
		cfg.SetRoot(dir)
		for _, file := range []string{cfg.PrivValidatorKeyFile(), cfg.PrivValidatorStateFile()} {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return nil, err
			}
		}
		pv := privval.GenFilePV(cfg.PrivValidatorKeyFile(), cfg.PrivValidatorStateFile())
		pv.Save()
		key, err := p2p.LoadOrGenNodeKey(cfg.NodeKeyFile())
		if err != nil {
			return nil, err
		}
		ids = append(ids, string(key.ID()))
		genesis.Validators = append(genesis.Validators, types.GenesisValidator{PubKey: pv.Key.PubKey, Power: 1, Name: fmt.Sprint(i)})
	}
	if err := genesis.ValidateAndComplete(); err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		cfg := config.DefaultConfig()
		cfg.SetRoot(dir)
		if err := genesis.SaveAs(cfg.GenesisFile()); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
