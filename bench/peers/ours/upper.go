package ours

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"quorate/bench/peers/child"
	"quorate/bench/peers/rows"
	"quorate/bench/peers/trial"
)

// UpperVariants lists the bound's settings, which are those of the cluster.
func UpperVariants(version string) []trial.Variant {
	const clients, inFlight, profile, batch = 4, 2, "throughput", 8189
	return []trial.Variant{{Peer: PeerUpper, Claims: rows.Row{
		System: rows.Upper, Version: version, Variant: "requests of 8,189 payments", Class: rows.Bound, Replicas: 1,
		Faults:   "nothing: one machine",
		Durable:  "the batches in its journal, fdatasync",
		Signed:   "one Ed25519 per request, checked",
		TLS:      "none: no network",
		ClientAt: "a thread in the same process, its CPU time told apart",
		Settings: fmt.Sprintf("profile %s, %d clients with %d requests each in flight", profile, clients, inFlight),
	}, Run: func(ctx context.Context, t *trial.Trial) (f rows.Figures, checked string, err error) {
		p, err := child.Start(filepath.Join(t.Dir, "upper.log"), filepath.Join(t.Product, "upper"),
			"-dir", filepath.Join(t.Dir, "c"), "-binaries", t.Product, "-profile", profile, "-batch", fmt.Sprint(batch),
			"-clients", fmt.Sprint(clients), "-in-flight", fmt.Sprint(inFlight), "-warmup", t.Warmup.String(), "-duration", t.Length.String())
		if err != nil {
			return f, "", err
		}
		defer p.Kill()
		ended := make(chan error, 1)
		go func() { ended <- p.Wait(t.Warmup + t.Length + loadgenEndMax) }()
		select {
		case err = <-ended:
		case <-ctx.Done():
			return f, "", context.Cause(ctx)
		}
		if err != nil {
			return f, "", err
		}
		var r struct {
			rows.Figures
			Checked string `json:"checked"`
		}
		if err := json.Unmarshal(p.Stdout.Bytes(), &r); err != nil {
			return f, "", fmt.Errorf("upper's report: %w", err)
		}
		return r.Figures, r.Checked, nil
	}}}
}
