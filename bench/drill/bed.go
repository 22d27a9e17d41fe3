package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"

	"quorate/bench/procs"
	"quorate/wire"
)

// The load of the drill: requests of one payment, so that there are many slots and
// few bytes. A client that asks for more than its share is refused (client_rate),
// which is how the backlog is staged without loading the host.
const (
	baseRate    = 60 // payments per second, of all clients
	floodRate   = 800
	loadClients = 4
	clientRate  = 100 // requests per second of one client
)

// Deadlines of single steps, long for a host that is shared.
const (
	readyMax = 60 * time.Second
	runMax   = 10 * time.Second // a tool of the system
)

// bed is the cluster, Prometheus and the load.
type bed struct {
	*procs.Cluster
	dir, bin    string
	prometheus  prometheus
	load        *procs.Process
	loadMetrics int            // port
	loads       int            // that were started: each has a folder of its own
	tracer      *procs.Process // slows syncs down; nil: none
	liar        *liar          // nil: none
	lied        int            // the replica in whose place it stands
	proposedIn  wire.View      // a view that was active when it was last looked at
	undo        []func() error
}

// begin starts the replicas and a Prometheus that scrapes them.
func (b *bed) begin(server, deploy string, short bool) error {
	port, err := procs.FreePorts(2)
	if err != nil {
		return err
	}
	b.loadMetrics = port
	if err := b.mountDisk(); err != nil {
		return err
	}
	if err := b.StartAll(); err != nil {
		return err
	}
	if err := procs.Eventually(readyMax, "four replicas", func() error { _, err := b.Agreed(b.Up()); return err }); err != nil {
		return err
	}
	config, err := b.configure(deploy, short)
	if err != nil {
		return err
	}
	return b.prometheus.start(server, config, filepath.Join(b.dir, "prometheus"), port+1)
}

// configure writes the shipped configuration with this cluster's addresses and an
// interval of a second, and gives its path. Files that it names stand beside it.
func (b *bed) configure(deploy string, short bool) (string, error) {
	text, err := os.ReadFile(filepath.Join(deploy, "prometheus", "prometheus.yml"))
	if err != nil {
		return "", err
	}
	var config struct {
		Global    map[string]string `yaml:"global"`
		RuleFiles []string          `yaml:"rule_files"`
		Scrape    []map[string]any  `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return "", fmt.Errorf("prometheus.yml: %w", err)
	}
	config.Global["scrape_interval"], config.Global["evaluation_interval"] = "1s", "1s"
	var replicas []string
	for i := range b.Nodes {
		replicas = append(replicas, "127.0.0.1:"+strconv.Itoa(b.Metrics+i))
	}
	targets := map[string][]string{"quorate": replicas, "quorate-loadgen": {"127.0.0.1:" + strconv.Itoa(b.loadMetrics)}}
	for _, job := range config.Scrape {
		name, _ := job["job_name"].(string)
		t, known := targets[name]
		if !known {
			return "", fmt.Errorf("prometheus.yml: job %q is not known here", name)
		}
		job["static_configs"] = []any{map[string]any{"targets": t}}
	}
	for _, name := range config.RuleFiles {
		rules, err := os.ReadFile(filepath.Join(deploy, "prometheus", name))
		if err != nil {
			return "", err
		}
		if short {
			rules = []byte(shorten(string(rules)))
		}
		if err := os.WriteFile(filepath.Join(b.dir, name), rules, 0o644); err != nil {
			return "", err
		}
	}
	out, err := yaml.Marshal(&config)
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, "prometheus.yml")
	return path, os.WriteFile(path, out, 0o644)
}

// startLoad starts loadgen at a rate, without an end; a load that runs is ended
// first.
func (b *bed) startLoad(rate int) (err error) {
	b.stopLoad()
	b.loads++
	log, err := os.OpenFile(filepath.Join(b.dir, "loadgen.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	b.load, err = procs.Spawn(log, nil, filepath.Join(b.bin, "loadgen"), "run", "--dir", b.Dir, "--rate", strconv.Itoa(rate), "--batch", "1",
		"--clients", strconv.Itoa(loadClients), "--accounts", "100", "--duration", "1h", "--shared",
		"--out", filepath.Join(b.dir, "load", strconv.Itoa(b.loads)),
		"--metrics-addr", "127.0.0.1:"+strconv.Itoa(b.loadMetrics))
	return err
}

// stopLoad ends the load without its audit: what is tried here is what an operator
// sees, and faults would fail the load's own promises on purpose.
func (b *bed) stopLoad() {
	if b.load != nil {
		b.load.Kill()
		b.load = nil
	}
}

// later puts something off until the end of the drill.
func (b *bed) later(undo func() error) { b.undo = append(b.undo, undo) }

// close ends everything, the newest first.
func (b *bed) close() error {
	all := []error{b.fastSyncs()}
	if b.liar != nil {
		all = append(all, b.liar.close())
	}
	b.stopLoad()
	b.prometheus.stop()
	for _, p := range b.Nodes {
		if p != nil {
			p.Signal(syscall.SIGCONT)
		}
	}
	b.Close()
	for i := len(b.undo) - 1; i >= 0; i-- {
		all = append(all, b.undo[i]())
	}
	b.undo = nil
	return errors.Join(all...)
}

// splitPort takes an address apart.
func splitPort(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

// brief is one line of at most n characters.
func brief(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > n {
		return s[:n-3] + "..."
	}
	return s
}
